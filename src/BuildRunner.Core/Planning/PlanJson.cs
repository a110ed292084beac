using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace BuildRunner.Core.Planning;

/// <summary>A plan for programs. Names of the environment only: values may be secret.</summary>
public static class PlanJson
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The plan as one JSON object, with a line feed behind it.</summary>
    public static string Write(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("v", 1);
            json.WriteString("event", plan.Event.Kind);
            json.WriteStartArray("workflows");
            foreach (var workflow in plan.Workflows)
            {
                Write(json, workflow);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void Write(Utf8JsonWriter json, WorkflowPlan workflow)
    {
        json.WriteStartObject();
        json.WriteString("name", workflow.Name);
        json.WriteString("file", workflow.File);
        WriteVerdict(json, workflow.SkipReason, workflow.Conditions);
        json.WriteStartObject("matrix");
        foreach (var (axis, value) in workflow.Matrix)
        {
            json.WriteString(axis, value);
        }

        json.WriteEndObject();
        WriteDependencies(json, workflow.DependsOn);
        json.WriteStartArray("steps");
        foreach (var step in workflow.Services.Concat(workflow.Steps))
        {
            Write(json, step);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, StepPlan step)
    {
        json.WriteStartObject();
        json.WriteString("name", step.Name);
        json.WriteString("kind", step.Kind.ToString().ToLowerInvariant());
        json.WriteString("image", step.Image);
        json.WriteNumber("line", step.Location.Line);
        WriteVerdict(json, step.SkipReason, step.Conditions);
        WriteDependencies(json, step.DependsOn);
        json.WriteStartArray("environment");
        foreach (var name in step.Environment.Keys.Order(StringComparer.Ordinal))
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteVerdict(Utf8JsonWriter json, string? skipReason, IReadOnlyList<ConditionVerdict> conditions)
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
            json.WriteBoolean("holds", condition.Holds);
            if (condition.Because is { } why)
            {
                json.WriteString("because", why);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
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
}
