using BuildRunner.Agent.Steps;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>A view that can be silent while somebody else has the terminal: lines wait, so that steps which print wait with them, and what happens is shown later.</summary>
internal sealed class PausableView(IRunView inner) : IRunView
{
    private readonly Lock gate = new();
    private readonly Queue<(RunProgress Progress, RunState State)> held = [];
    private TaskCompletionSource? paused;

    /// <summary>Shows nothing from now on.</summary>
    public void Pause()
    {
        lock (gate)
        {
            paused ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Shows what has happened meanwhile, and goes on.</summary>
    public void Resume()
    {
        lock (gate)
        {
            while (held.TryDequeue(out var late))
            {
                inner.Show(late.Progress, late.State);
            }

            paused?.SetResult();
            paused = null;
        }
    }

    /// <summary>Tells what a step wrote for people to read.</summary>
    public void Show(StepSummary summary) => (inner as JsonView)?.Show(summary);

    public async ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        Task? until;
        lock (gate)
        {
            until = paused?.Task;
        }

        if (until is not null)
        {
            await until.WaitAsync(cancellationToken);
        }

        await inner.WriteAsync(line, cancellationToken);
    }

    public void Show(RunProgress progress, RunState state)
    {
        lock (gate)
        {
            if (paused is null)
            {
                inner.Show(progress, state);
            }
            else
            {
                held.Enqueue((progress, state));
            }
        }
    }

    public void ShowPull(ImagePull pull)
    {
        lock (gate)
        {
            if (paused is null)
            {
                inner.ShowPull(pull);
            }
        }
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
