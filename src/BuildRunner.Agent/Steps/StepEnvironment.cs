using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Expressions;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>The environment of an attempt, made when it starts.</summary>
internal static class StepEnvironment
{
    // Woodpecker's plugins get it as Go writes it; only what JSON itself demands is escaped.
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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

        environment["CI_PIPELINE_STATUS"] = attempt.Status == WorkflowStatus.Success ? "success" : "failure";
        environment["CI_PIPELINE_STARTED"] = Unix(job.RunStartedAt);
        environment["CI_STEP_STARTED"] = Unix(now);
        environment["CI_STEP_TYPE"] = TypeOf(step);
        environment["CI_STEP_NAME"] = step.Name;
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

    private static string Resolve(WorkflowJob job, StepAttempt attempt, PlanValue value) => value switch
    {
        PlanValue.Literal(var text) => text,
        PlanValue.Secret(var name) => Secret(job, attempt.Step, name),
        PlanValue.Template(var text) => Outputs(text, attempt),
        PlanValue.Json(var text) => Fill(JsonNode.Parse(text), job, attempt)?.ToJsonString(Relaxed) ?? "null",
        _ => throw new ArgumentOutOfRangeException(nameof(value), value, "an unknown kind of value"),
    };

    private static string Secret(WorkflowJob job, StepPlan step, string name) =>
        step.WithoutSecrets ? throw Refused(step, name, "the step says permissions.secrets: none")
        : job.Secrets.TryGetValue(name, out var value) ? value
        : throw Refused(step, name, job.SecretsWithheld.GetValueOrDefault(name) ?? job.SecretHint.Replace("{0}", name, StringComparison.Ordinal));

    private static ContainerException Refused(StepPlan step, string name, string why) =>
        new(ContainerFailure.AccessDenied, $"step '{step.Name}' needs the secret '{name}': {why}");

    private static string Outputs(string text, StepAttempt attempt) =>
        OutputTemplate.Resolve(text, (step, key) => attempt.Outputs.TryGetValue(step, out var outputs) ? outputs.GetValueOrDefault(key) : null);

    private static JsonNode? Fill(JsonNode? node, WorkflowJob job, StepAttempt attempt) => node switch
    {
        JsonObject { Count: 1 } map when map["from_secret"] is JsonValue name => JsonValue.Create(Secret(job, attempt.Step, name.GetValue<string>())),
        JsonObject { Count: 1 } map when map["from_template"] is JsonValue text => JsonValue.Create(Outputs(text.GetValue<string>(), attempt)),
        JsonObject map => new JsonObject(map.Select(p => KeyValuePair.Create(p.Key, Fill(p.Value, job, attempt)))),
        JsonArray list => new JsonArray([.. list.Select(n => Fill(n, job, attempt))]),
        _ => node?.DeepClone(),
    };

    private static string Unix(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
