using System.Text.Json.Nodes;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Tests.Pipelines;

/// <summary>A YAML tree as the JSON that an editor checks against a schema: plain scalars are what YAML's core schema says.</summary>
internal static class TreeJson
{
    /// <summary>The JSON text.</summary>
    public static string Of(YamlNode node) => Node(node)?.ToJsonString() ?? "null";

    private static JsonNode? Node(YamlNode node) => node switch
    {
        YamlNode.Mapping mapping => new JsonObject(mapping.Entries.Select(entry => KeyValuePair.Create(entry.Key, Node(entry.Value)))),
        YamlNode.Sequence sequence => new JsonArray([.. sequence.Items.Select(Node)]),
        YamlNode.Scalar { IsNull: true } => null,
        YamlNode.Scalar { Plain: true } scalar when YamlScalars.ToCoreBoolean(scalar.Text) is { } boolean => JsonValue.Create(boolean),
        YamlNode.Scalar { Plain: true } scalar when YamlScalars.ToJsonNumber(scalar.Text) is { } number => JsonNode.Parse(number),
        YamlNode.Scalar scalar => JsonValue.Create(scalar.Text),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
