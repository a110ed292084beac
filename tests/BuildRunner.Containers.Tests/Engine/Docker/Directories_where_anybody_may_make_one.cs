using System.Diagnostics;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>The scratch directory has a name that everybody can foresee, in a directory like <c>/tmp</c>: who made it first must not own what is written there.</summary>
public sealed class Directories_where_anybody_may_make_one : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    public Directories_where_anybody_may_make_one()
    {
        Requires.Root();
        Directory.CreateDirectory(folder["tmp"]);
        File.SetUnixFileMode(folder["tmp"], (UnixFileMode)0x3FF);
    }

    [Theory]
    [InlineData("chown 65534 PATH", "belongs to the user 65534")]
    [InlineData("rmdir PATH && mkdir PATH.real && ln -s PATH.real PATH", "is a link")]
    public void Are_not_used_if_somebody_else_has_a_hand_in_them(string made, string why)
    {
        var path = folder["tmp/buildrunner-somebody"];
        Directory.CreateDirectory(path);
        using var shell = Process.Start("/bin/sh", ["-c", made.Replace("PATH", path, StringComparison.Ordinal)]);
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);

        var problem = Assert.Throws<ContainerException>(() => Create(path));
        Assert.Contains(why, problem.Message, StringComparison.Ordinal);
        Assert.Contains("Engine:ScratchDir", problem.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(path));
    }

    [Fact]
    public void Are_used_if_they_are_our_own_and_show_nobody_what_is_in_them()
    {
        var path = folder["tmp/buildrunner-own"];
        Create(path);
        Assert.Equal((UnixFileMode)0x1C9, File.GetUnixFileMode(path));

        // As an earlier version may have left it.
        File.SetUnixFileMode(path, (UnixFileMode)0x1FF);
        Create(path);
        Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(path));
    }

    private static void Create(string scratch)
    {
        var directories = GroupDirectories.Of(Guid.NewGuid().ToString("N"), scratch);
        try
        {
            directories.Create().Dispose();
        }
        finally
        {
            directories.Remove();
            File.Delete(directories.LockFile);
        }
    }

    public void Dispose() => folder.Dispose();
}
