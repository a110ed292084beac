using System.Diagnostics;
using BuildRunner.Cli.Running;
using BuildRunner.Testing;

namespace BuildRunner.Cli.Tests.Running;

public sealed class Facts_of_git : IDisposable
{
    private readonly TestFolder tree = TestFolder.Create();

    public void Dispose() => tree.Dispose();

    [Fact]
    public async Task Commit_branch_author_message_and_origin_are_known()
    {
        await MakeAsync();
        await GitAsync("remote", "add", "origin", "https://user:secret@forge.example/team/shop.git");
        var head = await GitTree.HeadAsync(tree.Path, TestContext.Current.CancellationToken);
        Assert.Equal(("topic", "Kim", "kim@example.org", "A change\n\nwith a body"), (head!.Branch, head.Author, head.Email, head.Message));
        Assert.Matches("^[0-9a-f]{40}$", head.Commit);
        Assert.Equal("https://forge.example/team/shop", GitRemote.Of(head.Remote)!.Url);
    }

    [Theory]
    [InlineData("git@forge.example:team/shop.git", "https://forge.example/team/shop")]
    [InlineData("ssh://git@forge.example:2222/team/shop", "https://forge.example:2222/team/shop")]
    [InlineData("https://forge.example/team/shop/", "https://forge.example/team/shop")]
    [InlineData("/srv/git/shop.git", null)]
    [InlineData("../shop", null)]
    [InlineData("", null)]
    public void The_repository_is_read_from_its_address(string address, string? url) => Assert.Equal(url, GitRemote.Of(address)?.Url);

    [Fact]
    public async Task A_directory_without_a_repository_has_no_facts() => Assert.Null(await GitTree.HeadAsync(tree.Path, TestContext.Current.CancellationToken));

    [Fact]
    public async Task Nothing_of_a_repository_is_executed()
    {
        await MakeAsync();
        var script = tree["evil.sh"];
        await File.WriteAllTextAsync(script, $"#!/bin/sh\ntouch {tree["executed"]}\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(script, (UnixFileMode)0b111_101_101);
        foreach (var key in new[] { "core.fsmonitor", "core.pager", "core.sshCommand", "gpg.program", "core.editor", "diff.external", "credential.helper" })
        {
            await GitAsync("config", key, script);
        }

        await GitAsync("config", "log.showSignature", "true");
        Assert.NotNull(await GitTree.HeadAsync(tree.Path, TestContext.Current.CancellationToken));
        Assert.False(File.Exists(tree["executed"]));
    }

    [Fact]
    public async Task A_repository_that_is_broken_has_no_facts()
    {
        await File.WriteAllTextAsync(tree[".git"], "gitdir: /nowhere\n", TestContext.Current.CancellationToken);
        Assert.Null(await GitTree.HeadAsync(tree.Path, TestContext.Current.CancellationToken));
    }

    private async Task MakeAsync()
    {
        Requires.Program("git");
        await GitAsync("init", "-q", "-b", "topic");
        await GitAsync("-c", "user.name=Kim", "-c", "user.email=kim@example.org", "commit", "-q", "--allow-empty", "-m", "A change\n\nwith a body");
    }

    private async Task GitAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("git", ["-C", tree.Path, .. arguments]))!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }
}
