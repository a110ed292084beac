using System.Globalization;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>Watches the files that a step writes for BuildRunner while it runs: they lie on this host, outside of everything that bounds the step.</summary>
/// <remarks>One that grows beyond what could ever be used ends the step at once, so that what it takes of the disk is bounded by a moment's writing.</remarks>
internal sealed class StepFilesGuard : IAsyncDisposable
{
    /// <summary>A summary is cut at <see cref="SummaryFile.MaxBytes"/>; one that is longer than this is a mistake that would fill the disk.</summary>
    public const long MostOfSummary = 16L * SummaryFile.MaxBytes;

    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(100);
    private readonly StepFiles files;
    private readonly Func<ValueTask> end;
    private readonly CancellationTokenSource over = new();
    private readonly Task watching;

    /// <summary>Begins to watch.</summary>
    /// <param name="files">The files.</param>
    /// <param name="end">Ends the step at once.</param>
    /// <param name="time">The clock.</param>
    public StepFilesGuard(StepFiles files, Func<ValueTask> end, TimeProvider time)
    {
        this.files = files;
        this.end = end;
        watching = Task.Run(() => WatchAsync(time));
    }

    /// <summary>Why the step was ended; null: it was not.</summary>
    public Outcome.Error? Problem { get; private set; }

    /// <summary>Ends watching; after that <see cref="Problem"/> does not change.</summary>
    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await watching;
        over.Dispose();
    }

    private async Task WatchAsync(TimeProvider time)
    {
        using var timer = new PeriodicTimer(Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(over.Token))
            {
                Problem = Judge();
                if (Problem is not null)
                {
                    await end();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The step has ended.
        }
    }

    private Outcome.Error? Judge() =>
        Length(files.Outputs.Path) is > OutputsFile.MaxBytes and var outputs
            ? new Outcome.Error("outputs_too_long", Text($"the step was ended because its file $CI_OUTPUT had grown to {outputs} bytes; {OutputsFile.MaxBytes} are allowed. Hand on what is longer in a file of the workspace"))
        : Length(files.Summary.Path) is > MostOfSummary and var summary
            ? new Outcome.Error("summary_too_long", Text($"the step was ended because its file $BUILDRUNNER_SUMMARY had grown to {summary} bytes; {SummaryFile.MaxBytes} are shown, and {MostOfSummary} are allowed"))
        : null;

    private static long Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
