using System.Diagnostics;
using Xunit;

namespace BuildRunner.Testing;

/// <summary>A disk of a few megabytes, in memory. Unmounted when it is disposed.</summary>
public sealed class SmallDisk : IDisposable
{
    private readonly string path;

    private SmallDisk(string path) => this.path = path;

    /// <summary>Mounts one; needs root.</summary>
    /// <param name="path">Where; made if it is not there.</param>
    /// <param name="size">As <c>mount</c> takes it: <c>24m</c>.</param>
    /// <param name="mode">Who may enter.</param>
    public static SmallDisk Mount(string path, string size, string mode = "0700")
    {
        Directory.CreateDirectory(path);
        Run("mount", "-t", "tmpfs", "-o", $"size={size},mode={mode}", "tmpfs", path);
        return new SmallDisk(path);
    }

    /// <summary>Takes all that is free.</summary>
    public void Fill()
    {
        using var file = File.Create(Path.Combine(path, "filler"));
        var block = new byte[4096];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full, as it shall be.
        }
    }

    /// <summary>Gives it back.</summary>
    public void Free() => File.Delete(Path.Combine(path, "filler"));

    /// <inheritdoc/>
    public void Dispose() => Run("umount", "--lazy", path);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments))!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
