using BuildRunner.Core.Pipelines.Reading;

namespace BuildRunner.Core.Planning;

/// <summary>An input for which whoever starts a run may be asked. Several files may declare it: a value has to suit all of them.</summary>
public sealed class PipelineInput
{
    private readonly IReadOnlyList<InputFile> declared;

    internal PipelineInput(IReadOnlyList<InputFile> declared) => this.declared = declared;

    /// <summary>Its name.</summary>
    public string Name => declared[0].Name;

    /// <summary><c>string</c>, <c>boolean</c>, <c>number</c> or <c>choice</c>.</summary>
    public string Type => declared[0].Type;

    /// <summary>What it is for, in the words of the file; null: nothing is said.</summary>
    public string? Description => declared.Select(input => input.Description).FirstOrDefault(said => said is not null);

    /// <summary>Its value if none is given, as written: variables are not resolved. Null: none.</summary>
    public string? Default => declared[0].Default?.Text;

    /// <summary>The values of a choice.</summary>
    public IReadOnlyList<string> Options => declared[0].Options;

    /// <summary>Whether a run that somebody starts is refused without a value.</summary>
    public bool IsAsked => declared.Any(input => input is { Required: true, Default: null });

    /// <summary>Why a value is none for it, for whoever gave it; null: it is one.</summary>
    /// <param name="value">The value; null: none was given.</param>
    public string? WhyNot(string? value) => value is null
        ? IsAsked ? $"it needs a value: {Expectation(declared[0])}" : null
        : declared.FirstOrDefault(input => input.Accept(value) is null) is { } against ? $"it must be {Expectation(against)}" : null;

    private static string Expectation(InputFile input) => input.Expectation.Replace("`", "", StringComparison.Ordinal);
}
