using System.Text.Json.Nodes;
using BuildRunner.Testing;
using NJsonSchema;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>GitHub's published API description, from npm's <c>@octokit/openapi</c>: what a request's body has to be.</summary>
internal static class OpenApi
{
    private static readonly Lazy<JsonNode> Description = new(() =>
        JsonNode.Parse(File.ReadAllBytes(NpmPackage.File("@octokit/openapi/generated/api.github.com.json")))!);

    /// <summary>What is wrong with a body; empty if it is as GitHub describes it.</summary>
    /// <param name="method">In lower case.</param>
    /// <param name="path">As in the description: <c>/repos/{owner}/{repo}/check-runs</c>.</param>
    /// <param name="body">The JSON text.</param>
    public static async Task<IReadOnlyList<string>> ProblemsAsync(string method, string path, string body)
    {
        var schema = Description.Value["paths"]![path]![method]!["requestBody"]!["content"]!["application/json"]!["schema"]!.DeepClone();
        var root = new JsonObject { ["allOf"] = new JsonArray(schema) };
        if (schema.ToJsonString().Contains("#/components", StringComparison.Ordinal))
            root["components"] = new JsonObject { ["schemas"] = Description.Value["components"]!["schemas"]!.DeepClone() };
        var parsed = await JsonSchema.FromJsonAsync(root.ToJsonString());
        return [.. parsed.Validate(body).Select(error => error.ToString())];
    }

    /// <summary>The names that an object of a body may have, at a place below its schema.</summary>
    public static IReadOnlySet<string> Names(string method, string path, params string[] place)
    {
        var node = Description.Value["paths"]![path]![method]!["requestBody"]!["content"]!["application/json"]!["schema"]!;
        foreach (var part in place)
            node = node["properties"]?[part] is { } child ? child["items"] ?? child : node;
        return node["properties"]!.AsObject().Select(pair => pair.Key).ToHashSet();
    }
}
