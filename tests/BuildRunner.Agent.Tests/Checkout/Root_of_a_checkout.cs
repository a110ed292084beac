using System.Diagnostics;
using BuildRunner.Agent.Checkout;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Checkout;

/// <summary>The file system that containers have which check out.</summary>
public sealed class Root_of_a_checkout : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task It_runs_git_by_itself_holds_nothing_else_of_the_machine_and_is_made_once()
    {
        Requires.Root();
        Requires.Program("git", "chroot", "unshare");
        Directory.CreateDirectory(folder["roots/left-by-an-earlier-git"]);
        Directory.CreateDirectory(folder["roots/left-by-the-one-before"]);
        Directory.SetLastWriteTimeUtc(folder["roots/left-by-an-earlier-git"], new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        var root = NewRoot();
        var path = await root.GetAsync(Cancel);
        Assert.Equal(path, await root.GetAsync(Cancel));
        Assert.Equal(path, await NewRoot().GetAsync(Cancel));
        Assert.Equal(Directory.GetLastWriteTimeUtc(path), Directory.GetLastWriteTimeUtc(await NewRoot().GetAsync(Cancel)));
        Assert.Equal([Path.GetFileName(path), "left-by-the-one-before"], new DirectoryInfo(folder["roots"]).EnumerateDirectories().Select(d => d.Name).Order(StringComparer.Ordinal));

        Assert.Equal("git version", Run("unshare", "--mount", "--propagation", "private", "sh", "-c", "mount --bind /dev \"$0/dev\" && exec chroot \"$0\" /bin/sh -c \"$1\"", path, "cd /tmp && git init -q --template= x && cd x && git submodule status && git --version | cut -d ' ' -f 1,2").Trim());
        Assert.Equal(["/etc/group", "/etc/ld.so.cache", "/etc/passwd"], Directory.EnumerateFiles(Path.Combine(path, "etc"), "*", SearchOption.AllDirectories).Select(f => f[path.Length..]).Order(StringComparer.Ordinal));
        Assert.Equal("root:x:0:0:root:/root:/bin/sh\n", await File.ReadAllTextAsync(Path.Combine(path, "etc/passwd"), Cancel));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(path, "root")));
        Assert.Equal("", Run("find", path, "-perm", "/6000"));
        Assert.Equal("", Run("find", path, "!", "-type", "l", "!", "-perm", "-444"));
        Assert.Equal("", Run("find", path, "-type", "l", "-lname", "/*", "-lname", $"{folder.Path}*"));
    }

    private CheckoutRoot NewRoot() => new(folder["roots"], new GitProgram(folder["git"], new SourceTrust(null, null)));

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {output}");
        return output;
    }
}
