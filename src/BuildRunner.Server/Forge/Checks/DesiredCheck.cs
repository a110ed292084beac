using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>What a check at the forge shall show. The latest one counts; those before it need never have been sent.</summary>
internal sealed record DesiredCheck
{
    /// <summary>What it stands for; tells our own check from any other.</summary>
    public required CheckKey Key { get; init; }

    /// <summary>Its name, as in the rules for required checks.</summary>
    public required string Name { get; init; }

    /// <summary>The commit.</summary>
    public required string Commit { get; init; }

    /// <summary>One higher with each change.</summary>
    public required long Revision { get; init; }

    /// <summary>Where the work is.</summary>
    public required CheckStage Stage { get; init; }

    /// <summary>When the work began; null: it has not.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The page with the details.</summary>
    public required Uri Details { get; init; }

    /// <summary>One line.</summary>
    public required string Title { get; init; }

    /// <summary>Markdown, within <see cref="CheckLimits.Text"/>.</summary>
    public required string Summary { get; init; }

    /// <summary>Marks at lines of files. A later revision may only add to them: the forge appends, and takes none back.</summary>
    public IReadOnlyList<CheckAnnotation> Annotations { get; init; } = [];

    /// <summary>Buttons, at most three.</summary>
    public IReadOnlyList<CheckButton> Buttons { get; init; } = [];
}

/// <summary>Where the work is that a check stands for. A closed hierarchy.</summary>
internal abstract record CheckStage
{
    private CheckStage()
    {
    }

    /// <summary>It waits.</summary>
    public sealed record Queued : CheckStage;

    /// <summary>It goes on.</summary>
    public sealed record InProgress : CheckStage;

    /// <summary>It has ended.</summary>
    public sealed record Completed(CheckVerdict Verdict, DateTimeOffset At) : CheckStage;
}

/// <summary>How a check ended, in the forge's terms.</summary>
internal enum CheckVerdict
{
    /// <summary>A required check is met.</summary>
    Success,

    /// <summary>It is not met.</summary>
    Failure,

    /// <summary>It is met; nothing was to be done.</summary>
    Skipped,

    /// <summary>It is not met.</summary>
    Cancelled,

    /// <summary>It is not met.</summary>
    TimedOut,

    /// <summary>It is not met; somebody has to do something at the details page.</summary>
    ActionRequired,
}

/// <summary>A mark at lines of a file.</summary>
/// <param name="Path">Relative to the repository.</param>
/// <param name="Line">From 1.</param>
/// <param name="EndLine">Not before <paramref name="Line"/>.</param>
/// <param name="Level">How bad.</param>
/// <param name="Message">What is the matter.</param>
/// <param name="Title">One line above it; null: none.</param>
internal sealed record CheckAnnotation(string Path, int Line, int EndLine, AnnotationLevel Level, string Message, string? Title = null);

/// <summary>How bad a mark is.</summary>
internal enum AnnotationLevel
{
    /// <summary>To be known.</summary>
    Notice,

    /// <summary>To be looked at.</summary>
    Warning,

    /// <summary>To be mended.</summary>
    Failure,
}

/// <summary>A button at a check.</summary>
/// <param name="Id">What the event says when it is pressed; at most 20 characters.</param>
/// <param name="Label">On the button; at most 20 characters.</param>
/// <param name="Description">Beside it; at most 40 characters.</param>
internal sealed record CheckButton(string Id, string Label, string Description);

/// <summary>Limits of GitHub's API for checks.</summary>
internal static class CheckLimits
{
    /// <summary>Of summary and text, counted in bytes to be on the safe side.</summary>
    public const int Text = 65_535;

    /// <summary>Annotations in one request.</summary>
    public const int Annotations = 50;

    /// <summary>Characters of a commit status's description.</summary>
    public const int StatusDescription = 140;
}
