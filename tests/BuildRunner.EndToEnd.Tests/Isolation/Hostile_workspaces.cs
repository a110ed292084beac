namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>Working trees and their repositories are input: BuildRunner reads them and runs nothing of them outside of containers.</summary>
public sealed class Hostile_workspaces
{
    [Fact]
    public async Task What_is_copied_out_follows_no_link_that_a_step_made()
    {
        using var host = new Sandboxed(("gone", "x"), ("changed", "x"));
        using var outside = new Tree(("victim", "untouched\n"), ("directory/file", "untouched\n"));
        using var output = new Tree();
        var links = Sandboxed.Step("links", $"""
            {Sandboxed.Reveal}
            rm gone; ln -s {outside["victim"]} .buildrunner.deleted; ln -s {outside["directory"]} way; ln -s {outside["victim"]} file; ln -sf {outside["victim"]} changed
            mkfifo pipe; perl -e 'use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("socket")) or die'
            mkdir deep; cp /bin/true deep/setuid; chmod 6755 deep/setuid; touch "$(printf 'a\nb')"
            """);
        var files = Sandboxed.Step("files", Sandboxed.Reveal + "\nrm gone; mkdir way; for f in way/file file changed .buildrunner.deleted; do echo pwned > $f; done");

        var first = await host.RunAsync(Sandboxed.Pipeline(links), "--out", output.Path);
        var second = await host.RunAsync(Sandboxed.Pipeline(files), "--out", output.Path);

        Assert.True(first.Code == 0 && second.Code == 0, first.All + second.All);
        Assert.Contains("2 pipes or sockets left out", first.Error);
        Assert.Equal("untouched\n", File.ReadAllText(outside["victim"]));
        Assert.Equal("untouched\n", File.ReadAllText(outside["directory/file"]));
        Assert.Equal("pwned\n", File.ReadAllText(output["way/file"]));
        Assert.Equal("gone\n", File.ReadAllText(output[".buildrunner.deleted"]));
        Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(output["deep/setuid"]));
        await host.NothingIsLeftAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/sub/..")]
    public async Task The_tree_itself_is_refused_as_output_under_any_name(string more)
    {
        using var host = new Sandboxed(("sub/x", ""));
        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", "echo changed > made")), "--out", host.Path + more);
        Assert.Equal(2, run.Code);
        Assert.False(File.Exists(host["made"]));
    }

    [Fact]
    public async Task Services_have_ended_before_the_tree_is_copied_out()
    {
        using var host = new Sandboxed();
        using var output = new Tree();
        var service = "services:\n" + Sandboxed.Step("svc", "trap 'echo ended > ended; exit 0' TERM\necho x > begun; while :; do sleep 0.1; done");
        var run = await host.RunAsync(service + Sandboxed.Pipeline(Sandboxed.Step("one", Sandboxed.Reveal + "\nwhile [ ! -e begun ]; do sleep 0.1; done")), "--out", output.Path);

        Assert.True(run.Code == 0, run.All);
        Assert.Equal("ended\n", File.ReadAllText(output["ended"]));
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task A_repository_starts_no_program_and_its_names_are_only_text()
    {
        using var host = new Sandboxed(("ci.yml", ""));
        const string branch = "a\"$(touch${IFS}/tmp/x)`id`';&|<>{}#!${CI_COMMIT_SHA}";
        Git(host, "init", "-q", "-b", "main");
        Git(host, "checkout", "-q", "-b", branch);
        Git(host, "-c", "user.name=$(id)", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "$(touch pwned); `touch pwned`\n- name: evil\n  image: x\n\e[31m{{ 7*7 }} ${CI_REPO}");
        Arm(host);

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", """
            printf '<%s>\n' "$CI_COMMIT_BRANCH" "$CI_COMMIT_MESSAGE" "$CI_COMMIT_AUTHOR"; ls
            """)));

        Assert.True(run.Code == 0, run.All);
        Assert.Contains($"one │ <{branch}>\n", run.Error);
        Assert.Contains("one │ <$(touch pwned); `touch pwned`\none │ - name: evil\none │   image: x\n", run.Error);
        Assert.Contains("one │ <$(id)>\n", run.Error);
        Assert.Empty(Directory.GetFiles(host.Path, "PWNED-*"));
    }

    [Fact]
    public async Task A_repository_that_lacks_its_commit_fetches_nothing()
    {
        using var host = new Sandboxed(("ci.yml", ""));
        Git(host, "init", "-q", "-b", "main");
        Git(host, "-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "--allow-empty", "-m", "x");
        Directory.Delete(host[".git/objects"], recursive: true);
        Directory.CreateDirectory(host[".git/objects"]);
        Arm(host);

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", "echo commit=$CI_COMMIT_SHA.")));

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("one │ commit=.\n", run.Error);
        Assert.Empty(Directory.GetFiles(host.Path, "PWNED-*"));
    }

    private static void Git(Sandboxed host, params string[] arguments) => Tools.Run("git", ["-C", host.Path, .. arguments]);

    // Every way we know in which a repository's own files make git start something.
    private static void Arm(Sandboxed host)
    {
        string Bait(string name) => $"touch {host["PWNED-" + name]}";
        File.AppendAllText(host[".git/config"], $"""

            [core]
            	fsmonitor = {Bait("fsmonitor")}
            	pager = {Bait("pager")}
            	editor = {Bait("editor")}
            	sshCommand = {Bait("ssh")}
            	askPass = {Bait("askpass")}
            	alternateRefsCommand = {Bait("alternates")}
            	hooksPath = {host["hooks"]}
            [alias]
            	log = !{Bait("alias")}
            	config = !{Bait("alias")}
            [log]
            	showSignature = true
            [gpg]
            	program = {host["hooks/gpg"]}
            [gpg "ssh"]
            	program = {host["hooks/gpg"]}
            [credential]
            	helper = !{Bait("credential")}
            [extensions]
            	partialClone = origin
            [protocol "ext"]
            	allow = always
            [protocol "file"]
            	allow = always
            [remote "origin"]
            	promisor = true
            	partialclonefilter = blob:none
            	url = "ext::sh -c touch% {host["PWNED-ext"]}"
            	uploadpack = "{Bait("uploadpack")};"
            """);
        Directory.CreateDirectory(host["hooks"]);
        foreach (var hook in (string[])["gpg", "post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman", "pre-auto-gc"])
        {
            File.WriteAllText(host["hooks/" + hook], $"#!/bin/sh\n{Bait("hook-" + hook)}\n");
            File.SetUnixFileMode(host["hooks/" + hook], (UnixFileMode)0b111_101_101);
        }
    }
}
