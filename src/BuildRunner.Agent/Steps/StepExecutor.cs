using System.Collections.Immutable;
using BuildRunner.Agent.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>Runs one attempt of a step to its end. Local runs and agents run steps this way and no other.</summary>
/// <remarks>
/// <para>1. Wait for the delay of a retry and for a slot. 2. Take the attempt; refused: leave it alone. 3. Complete its environment, get the source if this is
/// what the step is for, fetch the image and make the container, unless that was done ahead. 4. Store the intent to start (promise G2); refused: it is not
/// started. 5. Run it, under its time limit. 6. Hand on the rest of its output, read its outputs and
/// summary, and keep its container if that is wanted. 7. Report its end, once.</para>
/// </remarks>
internal sealed class StepExecutor(AgentContext agent, IContainerGroup group, WorkflowJob job, Masker masker, PreparedSteps ahead)
{
    /// <summary>Runs the attempt. Every attempt that was taken is reported, whatever happens.</summary>
    /// <param name="attempt">What to run.</param>
    /// <param name="stop">Ends it: TERM, then KILL. Its end is reported as cancelled.</param>
    /// <param name="kill">Ends it at once, because nobody may rely on this process any more. Its end is reported as lost.</param>
    public async Task RunAsync(StepAttempt attempt, CancellationToken stop, CancellationToken kill)
    {
        if (attempt.NotBefore is { } notBefore && notBefore - agent.Time.GetUtcNow() is { Ticks: > 0 } delay)
        {
            await Task.Delay(delay, agent.Time, stop);
        }

        await agent.Slots.WaitAsync(stop);
        try
        {
            if (await agent.Report(new RunFact.StepTaken(job.Plan.Name, attempt.Step.Name, attempt.Number), CancellationToken.None) is null)
            {
                using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, kill);
                var report = await ExecuteAsync(attempt, either.Token, kill);
                await agent.Report(new RunFact.StepEnded(job.Plan.Name, attempt.Step.Name, attempt.Number, Masked(report)), CancellationToken.None);
            }
        }
        finally
        {
            agent.Slots.Release();
        }
    }

    // A message can quote what it is about, a plugin's setting for example: it leaves this machine as the log does.
    private StepReport Masked(StepReport report) => report with
    {
        Outcome = report.Outcome switch
        {
            Outcome.Error(var word, var message) => new Outcome.Error(word, masker.Apply(message)),
            Outcome.Lost(var why) => new Outcome.Lost(masker.Apply(why)),
            var other => other,
        },
    };

    private async Task<StepReport> ExecuteAsync(StepAttempt attempt, CancellationToken stop, CancellationToken kill)
    {
        var watch = new PhaseWatch(agent.Time, attempt.QueuedAt);
        using var log = agent.NewLog(job.Plan.Name, attempt.Step.Name, attempt.Number, masker);
        try
        {
            var environment = StepEnvironment.Of(job, attempt, agent.Time.GetUtcNow());
            var checkout = attempt.Step.Kind == StepKind.Clone && job.Checkout is { } source ? await source.PrepareAsync(attempt, environment, log, stop) : null;
            await using var prepared = await watch.PrepareAsync(ahead.TakeAsync(job, attempt, checkout, BuildOutput.To(log, agent.Time), stop));
            var fact = new RunFact.StepStarting(job.Plan.Name, attempt.Step.Name, attempt.Number, prepared.Image.DisplayName);
            if (await agent.Report(fact, CancellationToken.None) is not null)
            {
                return watch.Report(new Outcome.Cancelled("it was stopped before it started"), prepared.Image.DisplayName);
            }

            watch.Started();
            await SayLimitsAsync(attempt.Step, log);
            var start = checkout is null ? new StartSpec { Environment = environment } : StartSpec.AsPrepared;
            var outcome = await RunAsync(attempt, prepared, start, log, stop, kill);
            watch.Ended();
            if (outcome is Outcome.Error { Reason: "outputs_too_long" or "summary_too_long" } ended)
            {
                await log.SayAsync(ended.Message, CancellationToken.None);
                return watch.Report(ended, prepared.Image.DisplayName);
            }

            if (outcome is Outcome.Failure { Reason: FailureReason.Signal(RefusedCall) or FailureReason.ExitCode(ExitOfSignal + RefusedCall) })
            {
                await log.SayAsync(RefusedCallSaid, CancellationToken.None);
            }

            if (job.Hardened && outcome is Outcome.Failure)
            {
                await log.SayAsync(HardenedSaid, CancellationToken.None);
            }

            var report = await ReportAsync(watch.Report(outcome, prepared.Image.DisplayName), attempt, prepared.Files, log);
            await KeepAsync(attempt, prepared, report.Outcome, log, stop);
            return report;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return watch.Report(new Outcome.Cancelled("it was stopped before it started"), null);
        }
        catch (ContainerException failure)
        {
            return watch.Report(StepErrors.Of(attempt.Step, failure), null);
        }
        catch (IOException failure)
        {
            return watch.Report(new Outcome.Error("host_disk", $"the machine that ran the step could not store its output: {failure.Message}"), null);
        }
        catch (Exception bug)
        {
            // The one edge at which a defect of ours must still become a report: the run would wait for it for ever.
            return watch.Report(new Outcome.Error("internal", $"BuildRunner itself failed: {bug}"), null);
        }
    }

    // A run on somebody's own machine says it once, for all steps.
    private async Task SayLimitsAsync(StepPlan step, IStepLog log)
    {
        if (agent.Started is not null && !agent.Engine.KeepsLimits && (step.Resources != ResourcePlan.None || job.Plan.Resources != ResourcePlan.None))
        {
            await log.SayAsync("this step has limits that are not kept: its agent is an ordinary user's", CancellationToken.None);
        }
    }

    private async Task<Outcome> RunAsync(
        StepAttempt attempt, PreparedStep prepared, StartSpec start, IStepLog log, CancellationToken stop, CancellationToken kill)
    {
        using var limit = new CancellationTokenSource(attempt.Step.Timeout ?? Timeout.InfiniteTimeSpan, agent.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, limit.Token);
        await using var killing = kill.Register(() => _ = Task.Run(async () => await prepared.Container.DisposeAsync()));
        using var alive = agent.Started?.Invoke(prepared.Container);
        await using var guard = new StepFilesGuard(prepared.Files, prepared.Container.DisposeAsync, agent.Time);
        try
        {
            var outcome = OutcomeOf(await group.RunAsync(prepared.Container, start, log, either.Token));
            return kill.IsCancellationRequested ? Killed : guard.Problem ?? outcome;
        }
        catch (Exception e) when (guard.Problem is not null && !kill.IsCancellationRequested && e is ContainerException or OperationCanceledException or ObjectDisposedException)
        {
            return guard.Problem;
        }
        catch (Exception e) when (kill.IsCancellationRequested && e is ContainerException or OperationCanceledException or ObjectDisposedException)
        {
            return Killed;
        }
        catch (ContainerException gone) when (gone.Reason == ContainerFailure.Lost && agent.Started is not null)
        {
            // At an agent it may have done what it was to do: whether it is repeated the step itself says (promise G3).
            return new Outcome.Lost(gone.Message);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested && limit.IsCancellationRequested)
        {
            return new Outcome.TimedOut(attempt.Step.Timeout ?? TimeSpan.Zero);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return new Outcome.Cancelled("it was stopped");
        }
        finally
        {
            await log.EndAsync(CancellationToken.None);
        }
    }

    // Outputs that cannot be used turn a success into an error; another end stays what it is.
    private async Task<StepReport> ReportAsync(StepReport report, StepAttempt attempt, StepFiles files, IStepLog log)
    {
        try
        {
            return report with { Outputs = await ReadFilesAsync(attempt, files, log) };
        }
        catch (ContainerException unusable)
        {
            await log.SayAsync(unusable.Message, CancellationToken.None);
            return report.Outcome is Outcome.Success ? report with { Outcome = new Outcome.Error("outputs_too_long", unusable.Message) } : report;
        }
    }

    // SIGSYS, and what a shell adds to a signal that ended its command.
    private const int RefusedCall = 31, ExitOfSignal = 128;

    // Without it nobody finds the way from "Bad system call" to a setting of the agent.
    private const string RefusedCallSaid =
        "a program was ended because it called the kernel in a way that steps may not (SIGSYS). If it is a 32-bit program: those run where the setting Engine:Allow32Bit of the machine is true";

    // "Read-only file system", "No space left on device" and "No route to host" have this reason, and nobody sees it from inside.
    private const string HardenedSaid =
        "this machine ran the step in the profile hardened (Engine:Hardened): the files of its image are read-only; the workspace can be written, and within a limit /tmp, /var/tmp, /run and the home folder; only what Engine:HardenedEgress names can be reached";

    private static Outcome.Lost Killed { get; } = new("its agent had to end it, because it could not reach the server in time or was itself ended");

    /// <summary>What an exit means, before anybody judges it.</summary>
    internal static Outcome OutcomeOf(ContainerExit exit) => exit switch
    {
        ContainerExit.Exited(0) => new Outcome.Success(0),
        ContainerExit.Exited(var code) => new Outcome.Failure(new FailureReason.ExitCode(code) { DiskLimitBytes = exit.DiskLimitBytes }),
        ContainerExit.Signaled(var signal) => new Outcome.Failure(new FailureReason.Signal(signal) { DiskLimitBytes = exit.DiskLimitBytes }),
        ContainerExit.OutOfMemory(var bytes) => new Outcome.Failure(new FailureReason.OomKilled(bytes) { DiskLimitBytes = exit.DiskLimitBytes }),
        _ => throw new InvalidOperationException($"an unknown exit: {exit}"),
    };

    private async Task KeepAsync(StepAttempt attempt, PreparedStep prepared, Outcome outcome, IStepLog log, CancellationToken stop)
    {
        if (!job.Keep.Wants(attempt, outcome))
        {
            return;
        }

        try
        {
            var how = outcome is Outcome.Failure { Reason: { } reason } ? $"{reason}" : outcome.Word;
            var request = new KeepRequest(job.Run.ToString(), job.Plan.Name, attempt.Step.Name, attempt.Number, how, agent.Time.GetUtcNow());
            if (await prepared.Container.KeepAsync(request, CancellationToken.None) is { } kept && job.Kept is { } told)
            {
                await told(new KeptStep(attempt.Step, outcome, kept, new StepShell(agent, job, group)), stop);
            }
        }
        catch (ContainerException failure)
        {
            // The step has ended as it has; that nothing is left of it is said where a person looks for it.
            await log.SayAsync($"the container could not be kept: {failure.Message}", CancellationToken.None);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Whoever looked at it was asked to end.
        }
    }

    private async Task<ImmutableDictionary<string, string>> ReadFilesAsync(StepAttempt attempt, StepFiles files, IStepLog log)
    {
        var problems = new List<string>();
        if (SummaryFile.Read(files.Summary.Path, masker, problems) is { } text)
        {
            job.Summary?.Invoke(new StepSummary(job.Plan.Name, attempt.Step.Name, attempt.Number, text));
        }

        await ReadTestsAsync(attempt, problems);
        var outputs = files.Outputs.Read(masker, problems);
        foreach (var problem in problems)
        {
            await log.SayAsync(problem, CancellationToken.None);
        }

        return outputs;
    }

    // What a report says never changes how its step ended.
    private async Task ReadTestsAsync(StepAttempt attempt, List<string> problems)
    {
        if (job.Tests is not { } tell || attempt.Step.TestReports is not { Count: > 0 } patterns)
        {
            return;
        }

        try
        {
            if (await group.OpenWorkspaceAsync(CancellationToken.None) is { } tree)
            {
                var report = new TestReports(tree, job.Plan.WorkspaceTree, masker).Read(patterns);
                problems.AddRange(report.Problems);
                tell(attempt.Step.Name, attempt.Number, report);
            }
        }
        catch (Exception e) when (e is ContainerException or IOException)
        {
            problems.Add($"the test reports could not be read: {e.Message}");
        }
    }
}
