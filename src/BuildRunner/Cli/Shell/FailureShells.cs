using BuildRunner.Agent.Steps;
using BuildRunner.Cli.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Shell;

/// <summary><c>run --debug</c>: a shell in the container of a step that failed, beside the services that it had, before the run goes on. One at a time.</summary>
internal sealed class FailureShells(CliHost host, PausableView view, Style style) : IDisposable
{
    private readonly SemaphoreSlim turn = new(1, 1);

    /// <summary>Opens a shell and waits for its end.</summary>
    public async Task OpenAsync(KeptStep kept, CancellationToken stop)
    {
        await turn.WaitAsync(stop);
        view.Pause();
        try
        {
            host.Say(style.Bold($"\nstep '{kept.Step.Name}' failed ({kept.Kept.Outcome}); this is a shell in its container. The run goes on when it ends.\n"));
            var attempt = new StepAttempt(kept.Step, kept.Kept.Attempt, kept.Kept.At, null, WorkflowStatus.Failure, StepAttempt.NoOutputs);
            var wanted = new ShellRequest(kept.Step.Name, [], Fresh: false, Kept: null, WithServices: true);
            await new ShellConsole(host).RunAsync((input, output, token) => kept.Shell.RunAsync(attempt, ShellSession.SpecOf(input, kept.Kept, wanted, host), output, token), stop);
        }
        catch (ContainerException failure)
        {
            // The run goes on without it.
            host.Say(style.Red($"no shell could be opened: {failure.Message}\n"));
        }
        catch (IOException failure)
        {
            // As above: the terminal is gone.
            host.Say(style.Red($"no shell could be opened: {failure.Message}\n"));
        }
        finally
        {
            view.Resume();
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();
}
