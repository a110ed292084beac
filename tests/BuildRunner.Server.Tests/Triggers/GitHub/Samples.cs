using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Server.Triggers;
using BuildRunner.Server.Triggers.GitHub;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Triggers.GitHub;

/// <summary>Real payloads, from npm's <c>@octokit/webhooks-examples</c>.</summary>
internal static class Samples
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

    /// <summary>What BuildRunner, as app 29310, makes of a payload.</summary>
    public static GitHubEvent Read(string name, JsonNode payload)
    {
        using var document = JsonDocument.Parse(payload.ToJsonString());
        return GitHubEvents.Read(name, document.RootElement, new GitHubIdentity(29310));
    }

    /// <summary>The run that a payload asks for.</summary>
    public static RunRequest Run(string name, JsonNode payload) => Assert.IsType<Trigger.StartRun>(Read(name, payload).Trigger).Request;

    private static List<(string Name, JsonElement Payload)> Load(string source)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(NpmPackage.File($"@octokit/webhooks-examples/{source}/index.json")));
        return [.. document.RootElement.EnumerateArray().SelectMany(definition => definition.GetProperty("examples").EnumerateArray()
            .Select(example => (definition.GetProperty("name").GetString()!, example.Clone())))];
    }
}
