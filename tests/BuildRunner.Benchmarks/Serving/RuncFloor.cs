using System.Diagnostics;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>A program under the bare runtime, which makes the namespaces itself: the floor of everything that starts a container.</summary>
/// <param name="directory">Where it is made; below it a folder <c>bundle</c>.</param>
/// <param name="image">The root file system.</param>
/// <param name="program">What runs in it.</param>
internal sealed class RuncFloor(string directory, string image, string program)
{
    private readonly RuncBundle _bundle = new(directory, "bundle", image, program, files: false);

    /// <summary>Runs it to its end.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> RunAsync()
    {
        using var process = Process.Start(new ProcessStartInfo("runc", _bundle.NextArguments()) { RedirectStandardOutput = true, RedirectStandardInput = true })
            ?? throw new InvalidOperationException("runc did not start");
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output;
    }
}
