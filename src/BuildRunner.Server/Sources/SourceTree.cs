using BuildRunner.Core.Planning;

namespace BuildRunner.Server.Sources;

/// <summary>What is wanted of a repository. A closed hierarchy.</summary>
internal abstract record SourcePoint
{
    private SourcePoint()
    {
    }

    /// <summary>The head of a branch; null: of the remote's default branch.</summary>
    public sealed record Branch(string? Name) : SourcePoint;

    /// <summary>A tag.</summary>
    public sealed record Tag(string Name) : SourcePoint;

    /// <summary>A pull request's head.</summary>
    public sealed record PullRequest(int Number) : SourcePoint;

    /// <summary>A commit.</summary>
    /// <param name="Id">All its digits.</param>
    /// <param name="OnBranch">The branch that it has to be on; null: any.</param>
    public sealed record Commit(string Id, string? OnBranch) : SourcePoint;
}

/// <summary>Where a point is.</summary>
/// <param name="Commit">The commit.</param>
/// <param name="Ref">The full ref; of a commit without a branch the default branch's.</param>
/// <param name="DefaultBranch">The remote's default branch; null: it has none.</param>
internal sealed record SourcePosition(string Commit, string Ref, string? DefaultBranch);

/// <summary>What a commit holds, as far as a run needs it. Never changes.</summary>
internal sealed record SourceTree
{
    /// <summary>The commit.</summary>
    public required string Commit { get; init; }

    /// <summary>The pipeline files; empty: there are none.</summary>
    public required IReadOnlyList<PipelineSource> Files { get; init; }

    /// <summary>Author, message and time.</summary>
    public required CommitFacts Facts { get; init; }

    /// <summary>Files that differ from its first parent; null: not known.</summary>
    public IReadOnlyList<string>? Changed { get; init; }
}
