using System.Globalization;
using BuildRunner.Core.Expressions;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Reading;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Planning;

/// <summary>The values of a workflow's inputs in one run.</summary>
internal static class InputValues
{
    /// <summary>The value of each input that has one.</summary>
    /// <param name="root">The document.</param>
    /// <param name="runEvent">The event, with the values that were given.</param>
    /// <param name="variables">Variables of the run, for defaults that are made of them.</param>
    /// <param name="diagnostics">Where problems go.</param>
    public static IReadOnlyDictionary<string, string> Resolve(YamlNode.Mapping root, RunEvent runEvent, IReadOnlyDictionary<string, string> variables, DiagnosticBag diagnostics)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var input in InputRules.Bind(root))
        {
            if (runEvent.Inputs.TryGetValue(input.Name, out var value) || (value = Default(input, variables)) is not null)
            {
                if (value.Contains('\0', StringComparison.Ordinal) || !EnvironmentLimit.Fits(input.Name, value))
                    diagnostics.Error(DiagnosticCodes.BadInput, input.Location, Unfit(input.Name, value), "Put what is long or not text into a file");
                else if (input.Accept(value) is { } accepted)
                    values[input.Name] = accepted;
                else if (value != input.Default?.Text)
                    diagnostics.Error(DiagnosticCodes.BadInput, input.Location, $"the value `{Short(value)}` of input `{input.Name}` must be {input.Expectation}");
            }
            else if (input.Required && runEvent.Kind is "manual" or "webhook")
            {
                // A push cannot answer, so it is not asked.
                diagnostics.Error(DiagnosticCodes.BadInput, input.Location, $"input `{input.Name}` has no value", $"Give one, {input.Expectation}");
            }
        }
        return values;
    }

    private static string? Default(InputFile input, IReadOnlyDictionary<string, string> variables) =>
        input.Default is not { } text ? null : TextTemplate.Parse(text.Text, out _) is { HasOutputs: false } template ? template.Expand(variables.GetValueOrDefault) ?? "" : text.Text;

    private static string Unfit(string name, string value) => value.Contains('\0', StringComparison.Ordinal)
        ? $"the value of input `{name}` holds a NUL, which no environment variable can"
        : string.Create(CultureInfo.InvariantCulture, $"the value of input `{name}` has {EnvironmentLimit.SizeOf(name, value)} bytes with its name; {EnvironmentLimit.Bytes} are allowed");

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
