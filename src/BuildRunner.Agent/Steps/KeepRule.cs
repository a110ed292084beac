using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>Which containers are kept when they have ended.</summary>
/// <param name="Failed">Those of steps that failed or were over their time, and are not tried again.</param>
/// <param name="Steps">Those of these steps, however they end.</param>
public sealed record KeepRule(bool Failed, IReadOnlySet<string> Steps)
{
    /// <summary>None.</summary>
    public static KeepRule Nothing { get; } = new(false, new HashSet<string>());

    /// <summary>Whether a step's container may have to be kept.</summary>
    internal bool Wants(StepPlan step) => Failed || Steps.Contains(step.Name);

    /// <summary>Whether it has to be.</summary>
    internal bool Wants(StepAttempt attempt, Outcome outcome) =>
        Steps.Contains(attempt.Step.Name) || (Failed && HasFailed(attempt.Step, outcome) && !IsTriedAgain(attempt, outcome));

    private static bool HasFailed(StepPlan step, Outcome outcome) => step.Failure != FailureMode.Ignore && outcome switch
    {
        Outcome.Failure { Reason: FailureReason.ExitCode(var code) } => !step.AllowedExitCodes.Contains(code),
        Outcome.Failure or Outcome.TimedOut => true,
        _ => false,
    };

    private static bool IsTriedAgain(StepAttempt attempt, Outcome outcome)
    {
        var retry = attempt.Step.Retry;
        return attempt.Number <= retry.Max
            && retry.On.Contains(outcome.Word)
            && (retry.ExitCodes.Count == 0 || outcome is not Outcome.Failure { Reason: FailureReason.ExitCode(var code) } || retry.ExitCodes.Contains(code));
    }
}

/// <summary>A step whose container was kept, while its workflow still lives.</summary>
/// <param name="Step">The step.</param>
/// <param name="Outcome">How the attempt ended.</param>
/// <param name="Kept">What was kept.</param>
/// <param name="Shell">Runs commands in a container that starts from it, beside the workflow's services.</param>
public sealed record KeptStep(StepPlan Step, Outcome Outcome, KeptContainer Kept, StepShell Shell);
