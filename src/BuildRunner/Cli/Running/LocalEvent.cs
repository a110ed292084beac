using System.Runtime.InteropServices;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>The event of a local run: what was asked for, and what git knows.</summary>
internal static class LocalEvent
{
    public static RunEvent Of(RunRequest request, GitHead? head, string tree, TimeProvider time)
    {
        var branch = request.Branch ?? head?.Branch ?? head?.DefaultBranch ?? "main";
        var remote = GitRemote.Of(head?.Remote);
        var runEvent = new RunEvent
        {
            Kind = request.Event,
            Branch = branch,
            Ref = RefOf(request.Event, branch),
            Commit = head?.Commit ?? "",
            Repository = remote?.Repository ?? $"local/{Path.GetFileName(tree.TrimEnd('/'))}",
            DefaultBranch = head?.DefaultBranch ?? "main",
            Cron = request.Event == "cron" ? "local" : null,
        };
        return runEvent with { Variables = CiVariables.ForRun(runEvent, FactsOf(head, remote, time)) };
    }

    /// <summary><c>push main 3f9c2e1</c>.</summary>
    public static string Describe(RunEvent runEvent) =>
        string.Join(' ', new[] { runEvent.Kind, runEvent.Branch, runEvent.Commit[..Math.Min(7, runEvent.Commit.Length)] }.Where(p => p.Length > 0));

    private static string RefOf(string kind, string branch) => kind switch
    {
        "tag" or "release" => $"refs/tags/{branch}",
        "pull_request" or "pull_request_closed" => "refs/pull/1/head",
        _ => $"refs/heads/{branch}",
    };

    private static RunFacts FactsOf(GitHead? head, GitRemote? remote, TimeProvider time) => new()
    {
        Repository = new RepositoryFacts { Url = remote?.Url, CloneUrl = remote?.CloneUrl, CloneSshUrl = remote?.CloneSshUrl },
        Commit = new CommitFacts { Message = head?.Message, Author = head?.Author, AuthorEmail = head?.Email, Timestamp = head?.Timestamp },
        Pipeline = new PipelineFacts
        {
            Number = 1,
            Created = time.GetUtcNow().ToUnixTimeSeconds(),
            Started = time.GetUtcNow().ToUnixTimeSeconds(),
            Author = head?.Author,
        },
        System = new SystemFacts { Platform = $"linux/{Architecture}", Host = Environment.MachineName, Version = ProductVersion.Text },
    };

    // As Go names it, because image platforms do.
    private static string Architecture => RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };
}
