using System.Globalization;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>The environment of an attempt, made when it starts.</summary>
internal static class StepEnvironment
{
    /// <summary>Where a step writes its outputs.</summary>
    public const string OutputFile = "/.buildrunner.output";

    /// <summary>Resolves the plan's values and adds what only the start knows.</summary>
    /// <exception cref="ContainerException">A secret is not known, or a variable is longer than Linux allows.</exception>
    public static Dictionary<string, string> Of(WorkflowJob job, StepAttempt attempt, DateTimeOffset now)
    {
        var step = attempt.Step;
        var environment = Defaults(job);
        foreach (var (name, value) in step.Environment)
        {
            environment[name] = Resolve(job, attempt, value);
        }

        foreach (var (name, value) in job.ExtraEnvironment)
        {
            environment[name] = value;
        }

        foreach (var (name, value) in environment)
        {
            Measure(step, name, value);
        }

        if (attempt.Source is { Secret: { } password } source && Uri.TryCreate(source.Url, UriKind.Absolute, out var url))
        {
            // For images that clone by themselves, in the words of Woodpecker's.
            environment["CI_NETRC_MACHINE"] = url.Host;
            environment["CI_NETRC_USERNAME"] = source.User ?? "x-access-token";
            environment["CI_NETRC_PASSWORD"] = password;
        }

        environment["CI_PIPELINE_STATUS"] = attempt.Status == WorkflowStatus.Success ? "success" : "failure";
        environment["CI_PIPELINE_STARTED"] = Unix(job.RunStartedAt);
        environment["CI_STEP_STARTED"] = Unix(now);
        environment["CI_STEP_TYPE"] = TypeOf(step);
        environment["CI_STEP_NAME"] = step.Name;
        environment["CI_STEP_ATTEMPT"] = attempt.Number.ToString(CultureInfo.InvariantCulture);
        if (step.Entrypoint is not null && step.Commands.Count > 0)
        {
            environment["CI_SCRIPT"] = Convert.ToBase64String(StepScript.Of(step.Commands));
        }

        return environment;
    }

    /// <summary>The word for what a step is, as in <c>CI_STEP_TYPE</c>.</summary>
    public static string TypeOf(StepPlan step) => step.Kind switch
    {
        StepKind.Commands => "commands",
        StepKind.Plugin => "plugin",
        StepKind.Clone => "clone",
        _ => "service",
    };

    // Literals were measured with their plan; this finds secrets, outputs and what is joined of them.
    private static void Measure(StepPlan step, string name, string value)
    {
        if (!EnvironmentLimit.Fits(name, value))
        {
            throw new ContainerException(
                ContainerFailure.InvalidSpec,
                string.Create(CultureInfo.InvariantCulture, $"the variable '{name}' of step '{step.Name}' has {EnvironmentLimit.SizeOf(name, value)} bytes with its name; Linux allows {EnvironmentLimit.Bytes}. Hand it on in a file of the workspace"));
        }
    }

    private static Dictionary<string, string> Defaults(WorkflowJob job)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CI"] = "true",
            ["BUILDRUNNER"] = "true",
            ["SHELL"] = StepScript.Shell,
            ["CI_OUTPUT"] = OutputFile,
            ["BUILDRUNNER_OUTPUT"] = OutputFile,
            ["BUILDRUNNER_SUMMARY"] = SummaryFile.Target,
        };
        if (job.Colour)
        {
            environment["TERM"] = "xterm-256color";
            environment["COLUMNS"] = "120";
            environment["FORCE_COLOR"] = "1";
            environment["CLICOLOR_FORCE"] = "1";
        }

        return environment;
    }

    // A secret that is missing throws, so there is always a text.
    private static string Resolve(WorkflowJob job, StepAttempt attempt, PlanValue value) => PlanValueResolver.Resolve(
        value,
        name => Secret(job, attempt.Step, name),
        (step, key) => attempt.Outputs.TryGetValue(step, out var outputs) ? outputs.GetValueOrDefault(key) : null,
        out _)!;

    private static string Secret(WorkflowJob job, StepPlan step, string name) =>
        step.WithoutSecrets ? throw Refused(step, name, "the step says permissions.secrets: none")
        : Find(job.Secrets, name) ?? throw Refused(step, name, job.SecretsWithheld.GetValueOrDefault(name) ?? job.SecretHint.Replace("{0}", name, StringComparison.Ordinal));

    // Woodpecker's names of secrets have no case; of two that differ only in it the one that is meant exactly wins.
    private static string? Find(IReadOnlyDictionary<string, string> secrets, string name) => secrets.TryGetValue(name, out var value)
        ? value
        : secrets.Where(secret => secret.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).OrderBy(secret => secret.Key, StringComparer.Ordinal).Select(secret => secret.Value).FirstOrDefault();

    private static ContainerException Refused(StepPlan step, string name, string why) =>
        new(ContainerFailure.AccessDenied, $"step '{step.Name}' needs the secret '{name}': {why}");

    private static string Unix(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
