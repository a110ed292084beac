using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace BuildRunner.Testing.GitHub;

/// <summary>Real payloads of GitHub's, from npm's <c>@octokit/webhooks-examples</c>.</summary>
public static class WebhookSamples
{
    private static readonly ConcurrentDictionary<string, IReadOnlyList<(string Name, JsonElement Payload)>> Known = new();

    /// <summary>The folders of the package: GitHub itself, and versions of GitHub Enterprise.</summary>
    public static readonly string[] Sources = ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"];

    /// <summary>Every sample of a source, with its event's name.</summary>
    public static IReadOnlyList<(string Name, JsonElement Payload)> Of(string source) => Known.GetOrAdd(source, Load);

    /// <summary>The first sample of an event and action that meets a condition, to be changed by a test.</summary>
    public static JsonObject First(string name, string? action = null, Func<JsonNode, bool>? where = null) => Of(Sources[0])
        .Where(sample => sample.Name == name)
        .Select(sample => JsonNode.Parse(sample.Payload.GetRawText())!.AsObject())
        .First(node => (action is null || (string?)node["action"] == action) && (where is null || where(node)));

    private static List<(string Name, JsonElement Payload)> Load(string source)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(NpmPackage.File($"@octokit/webhooks-examples/{source}/index.json")));
        return [.. document.RootElement.EnumerateArray().SelectMany(definition => definition.GetProperty("examples").EnumerateArray()
            .Select(example => (definition.GetProperty("name").GetString()!, example.Clone())))];
    }
}
