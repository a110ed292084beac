using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Client;

/// <summary>A server's run in the words of a local one, so that the same views show both. Pure.</summary>
internal static partial class RemoteRun
{
    /// <summary>The plan, as far as views look at it.</summary>
    public static RunPlan PlanOf(RunDetails details) => new([.. details.Workflows.Select(WorkflowOf)], new RunEvent { Kind = details.Run.Event });

    /// <summary>The run before anything happened.</summary>
    public static RunState FreshOf(RunDetails details)
    {
        var state = StateOf(details);
        return state with
        {
            Result = null,
            Workflows = [.. state.Workflows.Select(w => w with { Phase = new WorkflowPhase.Waiting(), Halt = null, Steps = Fresh(w.Steps), Services = Fresh(w.Services) })],
        };
    }

    /// <summary>The run now.</summary>
    public static RunState StateOf(RunDetails details) => new()
    {
        Id = RunId.TryParse(details.Run.Id, out var id) ? id : default,
        CreatedAt = details.Run.CreatedAt,
        Workflows = [.. details.Workflows.Select(w => StateOf(w, details.Run.EndedAt ?? details.Run.CreatedAt))],
        Result = RunStates.Ended.Contains(details.Run.State) ? new RunResult(OutcomeOf(details.Run.State, details.Run.Reason, null), details.Run.EndedAt ?? details.Run.CreatedAt) : null,
    };

    private static ImmutableArray<StepState> Fresh(ImmutableArray<StepState> steps) => [.. steps.Select(s => s with { Phase = new StepPhase.Waiting(), Attempts = [] })];

    private static WorkflowPlan WorkflowOf(WorkflowDetails workflow) => new()
    {
        Name = workflow.Name,
        Matrix = workflow.Matrix,
        File = workflow.File,
        WorkspaceBase = "/",
        WorkspaceTree = "/",
        Steps = [.. workflow.Steps.Select(s => StepOf(s, workflow.File))],
        Services = [.. workflow.Services.Select(s => StepOf(s, workflow.File))],
    };

    private static StepPlan StepOf(StepDetails step, string file) => new()
    {
        Name = step.Name,
        Kind = step.Kind switch { "plugin" => StepKind.Plugin, "clone" => StepKind.Clone, "service" => StepKind.Service, _ => StepKind.Commands },
        Image = step.Image.Split('@')[0],
        Location = new SourceLocation(file, 1, 1),
        DependsOn = [.. step.DependsOn.Select(d => new PlanDependency(d))],

        // How often it is tried at most, a server does not tell.
        Retry = RetryPlan.None,
    };

    private static WorkflowState StateOf(WorkflowDetails workflow, DateTimeOffset ended)
    {
        var steps = workflow.Steps.Select(s => StateOf(s, workflow.EndedAt ?? ended)).ToImmutableArray();
        var since = workflow.StartedAt ?? default;
        WorkflowPhase phase = workflow.State switch
        {
            RunStates.Waiting or RunStates.Blocked => new WorkflowPhase.Waiting(),
            RunStates.Queued => new WorkflowPhase.Queued(since),
            RunStates.Preparing => new WorkflowPhase.Starting(since, null),
            RunStates.Running => new WorkflowPhase.Running(since, null),
            _ => new WorkflowPhase.Done(OutcomeOf(workflow.State, workflow.Reason, null), workflow.StartedAt, workflow.EndedAt ?? ended),
        };

        // No step tells what went wrong: the workflow itself has to.
        var halt = workflow.State is "error" && workflow.Steps.All(s => s.State is not ("error" or "lost")) ? OutcomeOf(workflow.State, workflow.Reason, null) : null;
        return new WorkflowState
        {
            Name = workflow.Name,
            Phase = phase,
            Steps = steps,
            Services = [.. workflow.Services.Select(s => StateOf(s, workflow.EndedAt ?? ended))],
            Halt = halt,
        };
    }

    private static StepState StateOf(StepDetails step, DateTimeOffset ended)
    {
        var last = step.Attempts.Count == 0 ? null : step.Attempts[^1];
        var number = last?.Number ?? 1;
        var queued = last?.QueuedAt ?? default;
        StepPhase phase = step.State switch
        {
            RunStates.Waiting or RunStates.Blocked => new StepPhase.Waiting(),
            RunStates.Queued => new StepPhase.Queued(number, queued, null),
            RunStates.Preparing => new StepPhase.Preparing(number, queued, last?.StartedAt ?? queued, null),
            RunStates.Running => new StepPhase.Running(number, queued, last?.StartedAt ?? queued, last?.Image, null),
            _ => new StepPhase.Done(
                OutcomeOf(step.State, step.Reason, last), OutcomeOf(step.Conclusion ?? step.State, step.Reason, last), last?.EndedAt ?? ended, Warning: step.Warning),
        };
        return new StepState { Name = step.Name, Phase = phase, Attempts = [.. step.Attempts.Where(a => RunStates.Ended.Contains(a.State)).Select(RecordOf)] };
    }

    private static AttemptRecord RecordOf(AttemptDetails attempt)
    {
        var phases = attempt.Phases is { } p
            ? new PhaseTimes(Milliseconds(p.Queue), Milliseconds(p.Pull), Milliseconds(p.Create), Milliseconds(p.Run))
            : PhaseTimes.Zero with { Run = (attempt.EndedAt - attempt.StartedAt) ?? TimeSpan.Zero };
        return new AttemptRecord(attempt.Number, OutcomeOf(attempt.State, attempt.Reason, attempt), attempt.QueuedAt ?? default, attempt.EndedAt ?? default, attempt.Image, phases);
    }

    private static Outcome OutcomeOf(string state, string? reason, AttemptDetails? attempt) => state switch
    {
        "success" => new Outcome.Success(attempt?.Exit),
        "failure" => new Outcome.Failure(FailureOf(reason, attempt?.Exit)),
        "timed_out" => new Outcome.TimedOut(TimeOf(attempt)),
        "cancelled" => new Outcome.Cancelled(reason ?? "cancelled"),
        "skipped" => new Outcome.Skipped(reason ?? "it did not run"),
        "lost" => new Outcome.Lost(reason ?? "nobody can tell how it ended"),
        "invalid" => new Outcome.Invalid(),
        _ => new Outcome.Error("error", reason ?? state),
    };

    private static FailureReason? FailureOf(string? reason, int? exit) => KindOf(reason, exit) is { } kind && DiskLimit().Match(reason ?? "") is { Success: true } disk
        ? kind with { DiskLimitBytes = long.Parse(disk.Groups["mib"].ValueSpan, CultureInfo.InvariantCulture) << 20 }
        : KindOf(reason, exit);

    private static FailureReason? KindOf(string? reason, int? exit)
    {
        if (reason is not null && OutOfMemory().Match(reason) is { Success: true } memory)
        {
            return new FailureReason.OomKilled(long.TryParse(memory.Groups["mib"].Value, CultureInfo.InvariantCulture, out var mib) ? mib << 20 : null);
        }

        return reason is not null && Signal().Match(reason) is { Success: true } signal && int.TryParse(signal.Groups["n"].Value, CultureInfo.InvariantCulture, out var number)
            ? new FailureReason.Signal(number)
            : exit is { } code ? new FailureReason.ExitCode(code) : null;
    }

    // The limit itself is not told; what was run until then comes close.
    private static TimeSpan TimeOf(AttemptDetails? attempt) =>
        attempt?.Phases is { } phases ? Milliseconds(phases.Run) : (attempt?.EndedAt - attempt?.StartedAt) ?? TimeSpan.Zero;

    private static TimeSpan Milliseconds(long value) => TimeSpan.FromMilliseconds(value);

    [GeneratedRegex(@"\Aout of memory( \(limit (?<mib>[0-9]{1,12}) MiB\))?", RegexOptions.ExplicitCapture)]
    private static partial Regex OutOfMemory();

    [GeneratedRegex(@"; the workflow's disk limit of (?<mib>[0-9]{1,12}) MiB was reached\z", RegexOptions.ExplicitCapture)]
    private static partial Regex DiskLimit();

    [GeneratedRegex(@"\Asignal (?<n>[0-9]{1,3})", RegexOptions.ExplicitCapture)]
    private static partial Regex Signal();
}
