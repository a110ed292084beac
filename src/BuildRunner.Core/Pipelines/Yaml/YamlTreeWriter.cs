using System.Buffers;
using System.Globalization;
using System.Text;

namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>Writes a tree as YAML that <see cref="YamlTreeReader"/> reads back to the same tree, in block style, with quotes only where they are needed.</summary>
internal sealed class YamlTreeWriter
{
    // Text without quotes means itself if it begins with a letter or the like, and has only these and letters after it.
    private static readonly SearchValues<char> Signs = SearchValues.Create(" _./+-=()^<>;~:,@%*!&?|$[]{}#");

    private readonly StringBuilder text = new();

    private YamlTreeWriter()
    {
    }

    /// <summary>The document.</summary>
    public static string Write(YamlNode.Mapping root)
    {
        var writer = new YamlTreeWriter();
        writer.Mapping(root, 0);
        return writer.text.ToString();
    }

    private void Mapping(YamlNode.Mapping mapping, int depth)
    {
        for (var i = 0; i < mapping.Entries.Count; i++)
        {
            // The first one of an item stands behind its dash.
            if (i > 0 || text.Length == 0 || text[^1] == '\n')
                text.Append(' ', depth * 2);
            Key(mapping.Entries[i].Key);
            text.Append(':');
            Value(mapping.Entries[i].Value, depth);
        }
    }

    private void Value(YamlNode node, int depth)
    {
        switch (node)
        {
            case YamlNode.Mapping { Entries.Count: > 0 } mapping:
                text.Append('\n');
                Mapping(mapping, depth + 1);
                break;
            case YamlNode.Sequence { Items.Count: > 0 } sequence:
                text.Append('\n');
                Sequence(sequence, depth + 1);
                break;
            default:
                text.Append(' ');
                Leaf(node, depth);
                break;
        }
    }

    private void Sequence(YamlNode.Sequence sequence, int depth)
    {
        foreach (var item in sequence.Items)
        {
            text.Append(' ', depth * 2).Append("- ");
            switch (item)
            {
                case YamlNode.Mapping { Entries.Count: > 0 } mapping:
                    Mapping(mapping, depth + 1);
                    break;
                case YamlNode.Sequence { Items.Count: > 0 } inner:
                    text.Length--;
                    text.Append('\n');
                    Sequence(inner, depth + 1);
                    break;
                default:
                    Leaf(item, depth);
                    break;
            }
        }
    }

    private void Leaf(YamlNode node, int depth)
    {
        if (node is YamlNode.Scalar scalar)
            Scalar(scalar, depth);
        else
            text.Append(node is YamlNode.Mapping ? "{}" : "[]").Append('\n');
    }

    private void Key(string key)
    {
        if (IsPlain(key) && !YamlScalars.IsNull(key))
            text.Append(key);
        else if (IsSingle(key))
            text.Append('\'').Append(key).Append('\'');
        else
            Escaped(key);
    }

    // What stands between `${` and `}` is read as it is, without undoing escapes; so whatever can do without them does.
    private void Scalar(YamlNode.Scalar scalar, int depth)
    {
        var value = scalar.Text;
        if (scalar.IsNull)
            text.Append("null");
        else if (IsPlain(value) && (scalar.Plain || !MeansMore(value)))
            text.Append(value);
        else if (IsSingle(value))
            text.Append('\'').Append(value).Append('\'');
        else if (value.All(IsPrintable) && !value.AsSpan().ContainsAny('"', '\\'))
            text.Append('"').Append(value).Append('"');
        else if (value.All(character => character is '\n' or '\t' || IsPrintable(character)) && !string.IsNullOrWhiteSpace(value))
            Block(value, depth);
        else
            Escaped(value);
        if (text[^1] != '\n')
            text.Append('\n');
    }

    private void Block(string value, int depth)
    {
        text.Append('|');
        if (value[0] is ' ' or '\n' or '\t')
            text.Append('2');
        var body = value.TrimEnd('\n');
        var ends = value.Length - body.Length;
        text.Append(ends switch { 0 => "-", 1 => "", _ => "+" }).Append('\n');
        foreach (var line in body.Split('\n'))
            text.Append(line.Length == 0 ? "" : new string(' ', (depth + 1) * 2)).Append(line).Append('\n');
        text.Append('\n', Math.Max(0, ends - 1));
    }

    private void Escaped(string value)
    {
        text.Append('"');
        foreach (var character in value)
        {
            if (character is '"' or '\\')
                text.Append('\\').Append(character);
            else if (character == '\n')
                text.Append("\\n");
            else if (IsPrintable(character))
                text.Append(character);
            else
                text.Append("\\u").Append(((int)character).ToString("X4", CultureInfo.InvariantCulture));
        }
        text.Append('"');
    }

    private static bool IsPlain(string value) =>
        value.Length > 0
        && value.All(character => char.IsAsciiLetterOrDigit(character) || Signs.Contains(character) || (character > 127 && char.IsLetterOrDigit(character)))
        && (char.IsLetterOrDigit(value[0]) || value[0] is '_' or '/' or '.' or '$' || (value.Length > 1 && value[0] is '-' or '+' && char.IsAsciiDigit(value[1])))
        && value[^1] is not (' ' or ':')
        && !value.Contains(": ", StringComparison.Ordinal)
        && !value.Contains(" #", StringComparison.Ordinal)
        && value is not "...";

    // Text in quotes that would be a number, a boolean or nothing without them.
    private static bool MeansMore(string value) => YamlScalars.IsNull(value) || YamlScalars.ToBoolean(value) is not null || YamlScalars.ToJsonNumber(value) is not null;

    private static bool IsSingle(string value) => value.Length > 0 && !value.Contains('\'') && value.All(IsPrintable);

    private static bool IsPrintable(char character) => !char.IsControl(character) && character is not ('\u2028' or '\u2029' or '\ufeff' or '\ufffe' or '\uffff');
}
