using BuildRunner.Agent.Work;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Work;

public sealed class Folders
{
    [Fact]
    public void A_private_key_that_a_killed_agent_left_is_gone_once_the_next_one_has_the_folder()
    {
        using var folder = TestFolder.Create();
        WorkFolder.Open(folder["work"], folder["volatile"]).Dispose();
        File.WriteAllText(folder["volatile/key-left"], "private");
        using var opened = WorkFolder.Open(folder["work"], folder["volatile"]);
        Assert.Equal(["seal"], Directory.GetFiles(opened.VolatileRoot).Select(Path.GetFileName));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder["volatile/seal"]));
    }

    [Fact]
    public void What_an_agent_had_for_the_machines_run_goes_when_another_one_starts_after_its_working_directory_has_gone()
    {
        using var folder = TestFolder.Create();
        foreach (var agent in new[] { "gone", "there", "older", "own" })
        {
            Directory.CreateDirectory(folder[$"agents/{agent}"]);
            File.WriteAllText(folder[$"agents/{agent}/seal"], "key");
        }

        File.WriteAllText(folder["agents/gone.of"], folder["gone"]);
        File.WriteAllText(folder["agents/there.of"], folder.Path);
        VolatileFolder.RemoveForsaken(folder["agents"], folder["agents/own"], folder["not-made-yet"]);
        Assert.Equal(["older", "own", "own.of", "there", "there.of"], Directory.EnumerateFileSystemEntries(folder["agents"]).Select(Path.GetFileName).Order());
        Assert.Equal(folder["not-made-yet"], File.ReadAllText(folder["agents/own.of"]));
    }

    [Fact]
    public void What_an_agent_sealed_its_next_process_opens_and_after_a_reboot_nobody_does()
    {
        using var folder = TestFolder.Create();
        byte[] shut;
        using (var first = WorkFolder.Open(folder["work"], folder["volatile"]))
        {
            shut = first.Seal.Seal("s3cret"u8);
        }

        Assert.True(shut.AsSpan().IndexOf("s3c"u8) < 0);
        using (var next = WorkFolder.Open(folder["work"], folder["volatile"]))
        {
            Assert.Equal("s3cret"u8.ToArray(), next.Seal.Open(shut));
            Assert.Null(next.Seal.Open(shut.AsSpan(..^1)));
            Assert.Null(next.Seal.Open([]));
        }

        Directory.Delete(folder["volatile"], recursive: true);
        using var later = WorkFolder.Open(folder["work"], folder["volatile"]);
        Assert.Null(later.Seal.Open(shut));
    }
}
