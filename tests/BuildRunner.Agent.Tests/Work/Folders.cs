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
        File.WriteAllText(folder["volatile/secrets-of-work"], "needed to mask what is left");
        using var opened = WorkFolder.Open(folder["work"], folder["volatile"]);
        Assert.Equal(["secrets-of-work"], Directory.GetFiles(opened.VolatileRoot).Select(Path.GetFileName));
    }
}
