using System.Globalization;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>An input as written.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type"><c>string</c>, <c>boolean</c>, <c>number</c> or <c>choice</c>.</param>
/// <param name="Default">Value if none is given; null: none.</param>
/// <param name="Options">Values of a choice.</param>
/// <param name="Required">A run without a value is refused.</param>
/// <param name="Location">Where it is.</param>
internal sealed record InputFile(string Name, string Type, TextFile? Default, IReadOnlyList<string> Options, bool Required, SourceLocation Location)
{
    /// <summary>What is said to the person who is asked; null: nothing.</summary>
    public string? Description { get; init; }

    /// <summary>A value in the form in which steps get it; null if it is none of this input's.</summary>
    public string? Accept(string value) => Type switch
    {
        "boolean" => YamlScalars.ToBoolean(value) is { } boolean ? boolean ? "true" : "false" : null,
        "number" => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? value.Trim() : null,
        "choice" => Options.Contains(value) ? value : null,
        _ => value,
    };

    /// <summary>What values it takes, for messages.</summary>
    public string Expectation => Type switch
    {
        "boolean" => "`true` or `false`",
        "number" => "a number",
        "choice" => string.Join(" or ", Options.Select(option => $"`{option}`")),
        _ => "text",
    };
}

/// <summary>Reads and checks <c>inputs</c>.</summary>
internal static class InputRules
{
    /// <summary>The inputs of a file, also of one that is not checked yet.</summary>
    public static IReadOnlyList<InputFile> Bind(YamlNode.Mapping root) =>
    [
        .. (root.Map("inputs")?.Entries ?? []).Where(entry => entry.Value is YamlNode.Mapping).Select(entry =>
        {
            var input = (YamlNode.Mapping)entry.Value;
            return new InputFile(entry.Key, input.Text("type")?.Text ?? "string", input.Text("default"), input.Words("options"), input.Flag("required") ?? false, entry.KeyLocation) { Description = input.Text("description")?.Text };
        }),
    ];

    /// <summary>Checks the inputs of a file.</summary>
    public static void Check(YamlNode.Mapping root, DiagnosticBag diagnostics)
    {
        foreach (var input in Bind(root))
        {
            if (!input.Name.All(character => char.IsAsciiLetterOrDigit(character) || character == '_') || char.IsAsciiDigit(input.Name[0]))
                diagnostics.Error(DiagnosticCodes.BadName, input.Location, $"`{input.Name}` cannot be the name of an input", "Use letters, digits and `_`");
            else if (input.Name == "CI" || input.Name.StartsWith("CI_", StringComparison.Ordinal))
                diagnostics.Error(DiagnosticCodes.BadName, input.Location, $"`{input.Name}` cannot be the name of an input", "Names that begin with `CI_` are built-in variables");
            if (input.Type == "choice" && input.Options.Count == 0)
                diagnostics.Error(DiagnosticCodes.MissingKey, input.Location, $"input `{input.Name}` is a choice and needs `options`");
            else if (input.Default is { } value && !value.Text.Contains("${", StringComparison.Ordinal) && input.Accept(value.Text) is null)
                diagnostics.Error(DiagnosticCodes.BadDefault, value.Location, $"`default` must be {input.Expectation}, not `{value.Text}`", Nearest.To(value.Text, input.Options) is { } near ? $"Did you mean `{near}`?" : null);
        }
    }
}
