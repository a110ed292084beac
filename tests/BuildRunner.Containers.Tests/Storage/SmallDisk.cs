using System.Diagnostics;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>A file system of 2 MiB in memory.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TestFolder _folder = TestFolder.Create();

    public string Path => _folder["disk"];

    public static async Task<SmallDisk> MountAsync(CancellationToken cancellationToken)
    {
        var disk = new SmallDisk();
        Directory.CreateDirectory(disk.Path);
        using var mount = Process.Start(new ProcessStartInfo("mount") { ArgumentList = { "-t", "tmpfs", "-o", "size=2m", "none", disk.Path } })!;
        await mount.WaitForExitAsync(cancellationToken);
        Requires.That(mount.ExitCode == 0, "the right to mount");
        return disk;
    }

    public void Dispose()
    {
        using var unmount = Process.Start(new ProcessStartInfo("umount") { ArgumentList = { "-l", Path } })!;
        unmount.WaitForExit();
        _folder.Dispose();
    }
}
