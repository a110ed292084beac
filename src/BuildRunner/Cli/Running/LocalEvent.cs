using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>The event of a local run: what was asked for, and what git knows.</summary>
internal static class LocalEvent
{
    public static RunEvent Of(RunRequest request, GitHead? head, string tree, TimeProvider time)
    {
        var branch = request.Branch ?? head?.Branch ?? head?.DefaultBranch ?? "main";
        return new RunEvent
        {
            Kind = request.Event,
            Branch = branch,
            Ref = $"refs/heads/{branch}",
            Commit = head?.Commit ?? "",
            DefaultBranch = head?.DefaultBranch ?? "main",
        };
    }

    /// <summary><c>push main 3f9c2e1</c>.</summary>
    public static string Describe(RunEvent runEvent) =>
        string.Join(' ', new[] { runEvent.Kind, runEvent.Branch, runEvent.Commit[..Math.Min(7, runEvent.Commit.Length)] }.Where(p => p.Length > 0));
}
