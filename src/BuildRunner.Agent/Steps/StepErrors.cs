using System.Text.Json;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>What an engine could not do, in the words of a run.</summary>
internal static class StepErrors
{
    /// <summary>The outcome for a failure of the engine.</summary>
    public static Outcome.Error Of(StepPlan step, ContainerException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var usesShell = step.Commands.Count > 0 && step.Entrypoint is null;
        return failure.Reason == ContainerFailure.CommandNotFound && usesShell
            ? new Outcome.Error(
                "no_shell",
                $"the image '{step.Image}' has no {StepScript.Shell}, which 'commands' of step '{step.Name}' need; "
                + $"take an image with a shell, or replace 'commands' by 'entrypoint: [PROGRAM, ARGUMENT]' ({step.Location})")
            : new Outcome.Error(WordOf(failure), failure.Message);
    }

    /// <summary>The stable word for it: <c>image_not_found</c>.</summary>
    public static string WordOf(ContainerException failure) => JsonNamingPolicy.SnakeCaseLower.ConvertName(failure.Reason.ToString());
}
