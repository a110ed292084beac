using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>The YAML tags that pipelines have: those of the core schema.</summary>
internal static class YamlTags
{
    private const string Prefix = "tag:yaml.org,2002:";

    /// <summary>True if the scalar may be something else than text.</summary>
    public static bool IsPlain(Scalar scalar, Action<NodeEvent, string> bad)
    {
        if (scalar.Tag.IsEmpty)
            return scalar.Style == ScalarStyle.Plain;
        if (scalar.Tag.IsNonSpecific)
            return false;
        switch (scalar.Tag.Value)
        {
            case Prefix + "str":
                return false;
            case Prefix + "int" or Prefix + "float" or Prefix + "bool" or Prefix + "null":
                return true;
            case Prefix + "merge":
                return true;
            default:
                bad(scalar, Shorten(scalar.Tag));
                return false;
        }
    }

    /// <summary>Reports a tag other than the collection's own.</summary>
    public static void Check(NodeEvent node, string own, Action<NodeEvent, string> bad)
    {
        if (!node.Tag.IsEmpty && !node.Tag.IsNonSpecific && node.Tag.Value != Prefix + own)
            bad(node, Shorten(node.Tag));
    }

    private static string Shorten(TagName tag) =>
        tag.Value.StartsWith(Prefix, StringComparison.Ordinal) ? string.Concat("!!", tag.Value.AsSpan(Prefix.Length)) : tag.Value;
}
