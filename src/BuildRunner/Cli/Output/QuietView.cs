using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>Shows nothing while the run goes on; the summary comes at the end as always.</summary>
internal sealed class QuietView : IRunView
{
    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public void Show(RunProgress progress, RunState state)
    {
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
