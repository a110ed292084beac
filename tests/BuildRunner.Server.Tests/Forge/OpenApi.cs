using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using BuildRunner.Testing;
using NJsonSchema;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>GitHub's published API description, from npm's <c>@octokit/openapi</c>: what a request's body has to be, and an answer that it gives as an example.</summary>
internal static class OpenApi
{
    private static readonly Lazy<JsonNode> Description = new(() =>
        JsonNode.Parse(File.ReadAllBytes(NpmPackage.File("@octokit/openapi/generated/api.github.com.json")))!);

    private static readonly Lazy<IReadOnlyList<ApiPath>> AllPaths = new(() =>
        [.. Description.Value["paths"]!.AsObject().Select(p => new ApiPath(p.Key)).OrderByDescending(p => p.Literals)]);

    private static readonly ConcurrentDictionary<(string Method, string Path), Task<JsonSchema?>> Schemas = new();

    /// <summary>What is wrong with a body; empty if it is as GitHub describes it.</summary>
    /// <param name="method">In lower case.</param>
    /// <param name="path">As in the description: <c>/repos/{owner}/{repo}/check-runs</c>.</param>
    /// <param name="body">The JSON text.</param>
    public static async Task<IReadOnlyList<string>> ProblemsAsync(string method, string path, string body)
    {
        var schema = await Schemas.GetOrAdd((method, path), key => SchemaAsync(Operation(key.Method, key.Path)));
        return schema is null ? [] : [.. schema.Validate(body).Select(error => error.ToString())];
    }

    /// <summary>The names that an object of a body may have, at a place below its schema.</summary>
    public static IReadOnlySet<string> Names(string method, string path, params string[] place)
    {
        var node = BodyOf(Operation(method, path)!)!;
        foreach (var part in place)
        {
            node = node["properties"]?[part] is { } child ? child["items"] ?? child : node;
        }

        return node["properties"]!.AsObject().Select(pair => pair.Key).ToHashSet();
    }

    /// <summary>The names that an object which the description names may have.</summary>
    public static IEnumerable<string> ComponentNames(string component) =>
        Description.Value["components"]!["schemas"]![component]!["properties"]!.AsObject().Select(pair => pair.Key);

    /// <summary>The path of the description that an address is one of, as that writes it; null: GitHub has no such call.</summary>
    public static string? PathOf(string method, string address)
    {
        var parts = address.Trim('/').Split('/');
        return AllPaths.Value.FirstOrDefault(p => p.Fits(parts) && Operation(method, p.Text) is not null)?.Text;
    }

    /// <summary>The status of success, and the example of the answer that comes with it; null: none is given.</summary>
    public static (int Status, JsonNode? Body) ExampleOf(string method, string path)
    {
        var (status, response) = Operation(method, path)!["responses"]!.AsObject().First(r => r.Key.StartsWith('2'));
        var examples = Resolve(response!)["content"]?["application/json"]?["examples"]?.AsObject();
        var example = examples is { Count: > 0 } ? Resolve(examples.First().Value!)["value"]?.DeepClone() : null;
        return (int.Parse(status, System.Globalization.CultureInfo.InvariantCulture), example);
    }

    private static JsonNode? Operation(string method, string path) => Description.Value["paths"]![path]?[method];

    private static JsonNode? BodyOf(JsonNode operation) => operation["requestBody"]?["content"]?["application/json"]?["schema"];

    private static JsonNode Resolve(JsonNode node)
    {
        while ((string?)node["$ref"] is { } reference)
        {
            node = reference.TrimStart('#', '/').Split('/').Aggregate(Description.Value, (at, name) => at[name]!);
        }

        return node;
    }

    private static async Task<JsonSchema?> SchemaAsync(JsonNode? operation)
    {
        if (operation is null || BodyOf(operation) is not { } body)
        {
            return null;
        }

        var schemas = new JsonObject();
        Collect(body, schemas);
        var root = new JsonObject { ["allOf"] = new JsonArray(body.DeepClone()), ["components"] = new JsonObject { ["schemas"] = schemas } };
        return await JsonSchema.FromJsonAsync(root.ToJsonString());
    }

    // Only what the body names, directly or not: all there is takes seconds to read.
    private static void Collect(JsonNode? node, JsonObject into)
    {
        switch (node)
        {
            case JsonObject value when (string?)value["$ref"] is { } reference && reference.Split('/')[^1] is var name && !into.ContainsKey(name):
                into[name] = Resolve(value).DeepClone();
                Collect(into[name], into);
                break;
            case JsonObject value:
                foreach (var (_, child) in value.ToList())
                {
                    Collect(child, into);
                }

                break;
            case JsonArray items:
                foreach (var item in items)
                {
                    Collect(item, into);
                }

                break;
        }
    }

    private sealed record ApiPath(string Text)
    {
        private readonly string[] parts = Text.Trim('/').Split('/');

        public int Literals => parts.Count(p => !p.StartsWith('{'));

        // What is in braces at the end of these may hold slashes: a ref.
        public bool Fits(string[] address) =>
            (address.Length == parts.Length || (address.Length > parts.Length && parts[^1] is "{ref}" or "{basehead}" or "{path}"))
            && parts.Zip(address).All(pair => pair.First.StartsWith('{') || pair.First == pair.Second);
    }
}
