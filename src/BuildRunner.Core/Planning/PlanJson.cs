using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace BuildRunner.Core.Planning;

/// <summary>Plans for programs; described in <c>docs/plan-json.md</c>. Names of the environment and of secrets only: values may be secret.</summary>
public sealed class PlanJson
{
    private const int SchemaVersion = 1;

    private static readonly JsonWriterOptions Options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Func<string, string?>? reference;

    private PlanJson(Func<string, string?>? reference) => this.reference = reference;

    /// <summary>One plan.</summary>
    public static string Write(RunPlan plan) => Write([plan]);

    /// <summary>The plans of the same files for one or more events, as one JSON object with a line feed behind it.</summary>
    /// <param name="plans">At least one.</param>
    /// <param name="reference">Gives an image's reference in full, or null if it has none; null: references are left out.</param>
    public static string Write(IReadOnlyList<RunPlan> plans, Func<string, string?>? reference = null)
    {
        ArgumentNullException.ThrowIfNull(plans);
        var writer = new PlanJson(reference);
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("v", SchemaVersion);
            json.WriteString("repository", plans[0].Event.Repository);
            json.WriteString("commit", plans[0].Event.Commit);
            json.WriteStartArray("events");
            foreach (var plan in plans)
            {
                writer.Write(json, plan);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private void Write(Utf8JsonWriter json, RunPlan plan)
    {
        json.WriteStartObject();
        json.WriteString("event", plan.Event.Kind);
        json.WriteString("branch", plan.Event.Branch);
        json.WriteString("ref", plan.Event.Ref);
        json.WriteBoolean("runs", plan.Workflows.Any(w => w.SkipReason is null));
        json.WriteStartArray("workflows");
        foreach (var workflow in plan.Workflows)
        {
            Write(json, workflow);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void Write(Utf8JsonWriter json, WorkflowPlan workflow)
    {
        json.WriteStartObject();
        json.WriteString("name", workflow.Name);
        json.WriteString("file", workflow.File);
        WriteVerdict(json, workflow.SkipReason, workflow.Conditions, workflow.RunsOn);
        WriteMap(json, "matrix", workflow.Matrix);
        WriteMap(json, "labels", workflow.Labels);
        WriteDependencies(json, workflow.DependsOn);
        WriteTime(json, workflow.Timeout);
        json.WriteString("workspace", workflow.WorkspaceTree);
        WriteAll(json, "services", workflow.Services);
        WriteAll(json, "steps", workflow.Steps);
        json.WriteEndObject();
    }

    private void WriteAll(Utf8JsonWriter json, string name, IReadOnlyList<StepPlan> steps)
    {
        json.WriteStartArray(name);
        foreach (var step in steps)
        {
            json.WriteStartObject();
            Write(json, step);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void Write(Utf8JsonWriter json, StepPlan step)
    {
        json.WriteString("name", step.Name);
        json.WriteString("kind", step.Kind.ToString().ToLowerInvariant());
        json.WriteNumber("line", step.Location.Line);
        json.WriteString("image", step.Image);
        if (reference?.Invoke(step.Image) is { } full)
        {
            json.WriteString("reference", full);
        }

        WriteVerdict(json, step.SkipReason, step.Conditions, step.RunsOnStatus);
        if (step.LateCondition is { } late)
        {
            json.WriteString("late_condition", late);
        }

        WriteDependencies(json, step.DependsOn);
        WriteNames(json, "environment", step.Environment.Keys);
        WriteNames(json, "secrets", step.WithoutSecrets ? [] : step.Environment.Values.SelectMany(SecretsOf));
        json.WriteBoolean("detached", step.Detached);
        json.WriteString("failure", step.Failure.ToString().ToLowerInvariant());
        json.WriteNumber("retries", step.Retry.Max);
        WriteTime(json, step.Timeout);
        json.WriteString("network", step.Networked ? "run" : "none");
        json.WriteBoolean("privileged", step.Privileged);
        WriteNames(json, "volumes", step.Volumes);
        WriteNames(json, "devices", step.Devices);
    }

    private static void WriteVerdict(Utf8JsonWriter json, string? skipReason, IReadOnlyList<ConditionVerdict> conditions, IEnumerable<string> status)
    {
        json.WriteBoolean("runs", skipReason is null);
        if (skipReason is not null)
        {
            json.WriteString("reason", skipReason);
        }

        json.WriteStartArray("conditions");
        foreach (var condition in conditions)
        {
            json.WriteStartObject();
            json.WriteNumber("line", condition.Location.Line);
            json.WriteNumber("column", condition.Location.Column);
            json.WriteBoolean("holds", condition.Holds);
            if (condition.Because is { } why)
            {
                json.WriteString("because", why);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteNames(json, "status", status);
    }

    private static void WriteDependencies(Utf8JsonWriter json, IReadOnlyList<PlanDependency> dependencies)
    {
        json.WriteStartArray("depends_on");
        foreach (var dependency in dependencies)
        {
            json.WriteStartObject();
            json.WriteString("name", dependency.Name);
            json.WriteBoolean("optional", dependency.Optional);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteMap(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, string> values)
    {
        json.WriteStartObject(name);
        foreach (var (key, value) in values)
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    private static void WriteNames(Utf8JsonWriter json, string name, IEnumerable<string> names)
    {
        json.WriteStartArray(name);
        foreach (var item in names.Distinct().Order(StringComparer.Ordinal))
        {
            json.WriteStringValue(item);
        }

        json.WriteEndArray();
    }

    private static void WriteTime(Utf8JsonWriter json, TimeSpan? timeout)
    {
        if (timeout is { } limit)
        {
            json.WriteNumber("timeout_ms", (long)limit.TotalMilliseconds);
        }
    }

    private static IEnumerable<string> SecretsOf(PlanValue value) => value switch
    {
        PlanValue.Secret secret => [secret.Name],
        PlanValue.Json structure => InJson(structure.Text),
        _ => [],
    };

    private static List<string> InJson(string text)
    {
        using var document = JsonDocument.Parse(text);
        var names = new List<string>();
        Collect(document.RootElement, names);
        return names;
    }

    private static void Collect(JsonElement element, List<string> names)
    {
        if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("from_secret", out var name))
        {
            names.Add(name.GetString()!);
        }
        else if (element.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
        {
            foreach (var inner in element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : element.EnumerateObject().Select(p => p.Value))
            {
                Collect(inner, names);
            }
        }
    }
}
