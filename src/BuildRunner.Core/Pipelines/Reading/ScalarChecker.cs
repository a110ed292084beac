using System.Globalization;
using BuildRunner.Core.Expressions;
using BuildRunner.Core.Expressions.Conditions;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Substitutes and checks single values against their kinds.</summary>
/// <param name="variables">What to substitute; null: nothing is known yet, and a value that depends on it is not judged.</param>
/// <param name="names">Tells of names that nothing defines.</param>
/// <param name="diagnostics">Where problems go.</param>
internal sealed class ScalarChecker(VariableScope? variables, NameRules names, DiagnosticBag diagnostics)
{
    /// <summary>The value with substitutions done, or as it is if it is wrong.</summary>
    /// <param name="scalar">The value.</param>
    /// <param name="kind">A kind of single value.</param>
    /// <param name="subject">What it is, for messages: <c>`image`</c>.</param>
    public YamlNode.Scalar Check(YamlNode.Scalar scalar, ValueKind kind, string subject)
    {
        if (kind is ValueKind.Condition)
            return CheckCondition(scalar, subject);
        if (TextTemplate.Parse(scalar.Text, out var problem) is not { } template)
        {
            diagnostics.Error(DiagnosticCodes.BadSubstitution, scalar.Location, problem!);
            return scalar.AsOpen();
        }
        names.Check(template, scalar.Location);
        if (kind is ValueKind.Data || (kind is ValueKind.Script or ValueKind.Text { Later: true } && !template.HasOutputs))
            return scalar;
        if (template.HasOutputs)
        {
            diagnostics.Error(DiagnosticCodes.UnknownOutput, scalar.Location, $"{subject} cannot depend on the output of a step", "Outputs are known when a step starts: they can stand in `environment`, `settings` and `when.evaluate`");
            return scalar.AsOpen();
        }
        var resolved = Substitute(scalar, template, kind);
        if (!resolved.Open)
            Judge(resolved, kind, subject);
        return resolved;
    }

    private YamlNode.Scalar CheckCondition(YamlNode.Scalar scalar, string subject)
    {
        if (Expression.Parse(scalar.Text, out var problem) is null)
            diagnostics.Error(DiagnosticCodes.BadExpression, scalar.Location, $"{subject} is no condition: {problem}", "For example `CI_COMMIT_BRANCH == \"main\"`");
        return scalar;
    }

    private YamlNode.Scalar Substitute(YamlNode.Scalar scalar, TextTemplate template, ValueKind kind)
    {
        if (!template.IsLiteral && variables is null)
            return scalar.AsOpen();
        if (template.IsLiteral)
            return scalar.With(template.Parts.Count == 0 ? "" : template.Expand(_ => null)!);
        var text = variables!.Expand(template, kind is ValueKind.GlobPattern ? (name, value) => variables.IsAuthored(name) ? value : Glob.Escape(value) : null);
        if (text is not null)
            return scalar.With(text);
        diagnostics.Error(DiagnosticCodes.BadSubstitution, scalar.Location, "substitution makes this value too long");
        return scalar.AsOpen();
    }

    private void Judge(YamlNode.Scalar scalar, ValueKind kind, string subject)
    {
        var text = scalar.Text;
        switch (kind)
        {
            case ValueKind.Text { MayBeEmpty: false } when text.Length == 0:
                diagnostics.Error(DiagnosticCodes.Empty, scalar.Location, $"{subject} is empty");
                break;
            case ValueKind.Choice choice when choice.Old.Contains(text, StringComparer.Ordinal):
                diagnostics.Warning(DiagnosticCodes.NoEffect, scalar.Location, $"{subject} is `{text}`, which has no effect", $"Write {choice.Expectation}");
                break;
            case ValueKind.Choice choice when !choice.Words.Contains(text, StringComparer.Ordinal):
                diagnostics.Error(DiagnosticCodes.NotAChoice, scalar.Location, $"{subject} must be {choice.Expectation}, not `{Short(text)}`", DidYouMean(text, choice.Words));
                break;
            case ValueKind.Boolean when YamlScalars.ToBoolean(text) is null:
                diagnostics.Error(DiagnosticCodes.WrongKind, scalar.Location, $"{subject} must be {kind.Expectation}, not `{Short(text)}`");
                break;
            case ValueKind.Integer range:
                JudgeInteger(scalar, range, subject);
                break;
            case ValueKind.Fraction range when !(double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number >= range.Min && number <= range.Max):
                diagnostics.Error(DiagnosticCodes.OutOfRange, scalar.Location, string.Create(CultureInfo.InvariantCulture, $"{subject} must be a number from {range.Min} to {range.Max}, not `{Short(text)}`"));
                break;
            case ValueKind.Duration when Durations.Parse(text) is null:
                diagnostics.Error(DiagnosticCodes.BadDuration, scalar.Location, $"{subject} must be {kind.Expectation}, not `{Short(text)}`", "Units are `ms`, `s`, `m`, `h` and `d`, up to 49 days");
                break;
            case ValueKind.Size when Sizes.Parse(text) is null:
                diagnostics.Error(DiagnosticCodes.BadSize, scalar.Location, $"{subject} must be {kind.Expectation}, not `{Short(text)}`", "Units are `k`, `m`, `g` and `t`, in steps of 1024");
                break;
            case ValueKind.Size least when Sizes.Parse(text) < least.Min:
                diagnostics.Error(DiagnosticCodes.OutOfRange, scalar.Location, $"{subject} must be at least {least.Min >> 20} MiB, not `{Short(text)}`");
                break;
            case ValueKind.GlobPattern when text.Length == 0:
                diagnostics.Error(DiagnosticCodes.Empty, scalar.Location, $"{subject} is empty");
                break;
            case ValueKind.GlobPattern when Glob.Parse(text, out var problem) is null:
                diagnostics.Error(DiagnosticCodes.BadGlob, scalar.Location, $"{subject}: the pattern `{Short(text)}` cannot be read: {problem}", "A backslash before `[`, `{`, `*` or `?` takes it as it is");
                break;
            default:
                break;
        }
    }

    private void JudgeInteger(YamlNode.Scalar scalar, ValueKind.Integer range, string subject)
    {
        if (!long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            diagnostics.Error(DiagnosticCodes.WrongKind, scalar.Location, $"{subject} must be {range.Expectation}, not `{Short(scalar.Text)}`");
        else if (number < range.Min || number > range.Max)
            diagnostics.Error(DiagnosticCodes.OutOfRange, scalar.Location, $"{subject} must be {range.Expectation}, not {number.ToString(CultureInfo.InvariantCulture)}");
    }

    private static string? DidYouMean(string written, IEnumerable<string> words) => Nearest.To(written, words) is { } near ? $"Did you mean `{near}`?" : null;

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
