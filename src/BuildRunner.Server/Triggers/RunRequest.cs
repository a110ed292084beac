using BuildRunner.Core.Planning;

namespace BuildRunner.Server.Triggers;

/// <summary>A run that an event asks for, with all that the event tells.</summary>
internal sealed record RunRequest
{
    /// <summary>Where. That it is known here, under this number, has to be checked.</summary>
    public required ForgeRepository Repository { get; init; }

    /// <summary>What the run is for. <see cref="RunEvent.Commit"/> is empty if the event names a tag only; then it has to be asked for.</summary>
    public required RunEvent Event { get; init; }

    /// <summary>What steps are told besides.</summary>
    public required RunFacts Facts { get; init; }

    /// <summary>Who caused it.</summary>
    public required Person Actor { get; init; }

    /// <summary>The pull request as far as trust goes by it; null: only people with write access can cause this event.</summary>
    public PullRequestOrigin? PullRequest { get; init; }

    /// <summary>One line for lists.</summary>
    public required string Title { get; init; }

    /// <summary>The commit that the changes are counted from; null: there is none, as for a tag.</summary>
    public string? ChangesSince { get; init; }

    /// <summary>Why nothing of it runs, as a sentence; its checks are concluded all the same. Null: it runs.</summary>
    public string? Skip { get; init; }
}
