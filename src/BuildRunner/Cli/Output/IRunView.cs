using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>Shows a run while it goes on. Called from several threads at once.</summary>
internal interface IRunView : ILogSink, IAsyncDisposable
{
    /// <summary>Shows what has happened.</summary>
    /// <param name="progress">What.</param>
    /// <param name="state">The run after it.</param>
    void Show(RunProgress progress, RunState state);

    /// <summary>Shows how far the pull of an image is, if the view has room for it. Comes often.</summary>
    void ShowPull(ImagePull pull)
    {
    }
}

/// <summary>What a view knows of the run from the start.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="Title">What is run: the file's or directory's name.</param>
/// <param name="Event">What for: <c>push main 3f9c2e1</c>.</param>
/// <param name="Labels">How steps are called.</param>
internal sealed record RunTitle(RunId Run, string Title, string Event, StepLabels Labels)
{
    /// <summary>When it began; null: when the view did.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>What ctrl-c does, as the last line of a live view says it.</summary>
    public string CtrlC { get; init; } = "ctrl-c cancels";
}
