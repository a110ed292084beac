using System.Text.Json.Serialization;

namespace BuildRunner.Cli.LocalRuns;

/// <summary>What is stored about a local run, beside the logs of its steps.</summary>
internal sealed record LocalRunRecord
{
    [JsonPropertyName("v")]
    public int Version { get; init; } = 1;

    public required string Id { get; init; }

    /// <summary>What was run: the file's or directory's name.</summary>
    public required string Title { get; init; }

    /// <summary>What for: <c>push main 3f9c2e1</c>.</summary>
    public required string Event { get; init; }

    public required string Tree { get; init; }

    public required DateTimeOffset Started { get; init; }

    /// <summary>Null while it runs, and if its process was killed.</summary>
    public DateTimeOffset? Ended { get; init; }

    public string? Result { get; init; }

    /// <summary>In the order in which they wrote their first lines.</summary>
    public IReadOnlyList<LocalStepRecord> Steps { get; init; } = [];
}

/// <summary>One attempt of a step or service that wrote something.</summary>
/// <param name="Workflow">The workflow's name.</param>
/// <param name="Step">The step's name.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Log">The file's name in the run's directory.</param>
/// <param name="Outcome">How the step ended, in a word; null: not known.</param>
internal sealed record LocalStepRecord(string Workflow, string Step, int Attempt, string Log, string? Outcome);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LocalRunRecord))]
internal sealed partial class LocalRunJson : JsonSerializerContext;
