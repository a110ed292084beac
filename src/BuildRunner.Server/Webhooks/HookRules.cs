using BuildRunner.Core.ApiContract;

namespace BuildRunner.Server.Webhooks;

/// <summary>What an endpoint's settings mean, read once; and what is wrong with them.</summary>
internal sealed record HookRules(IReadOnlyList<InputMapping> Inputs, IReadOnlyList<DeliveryFilter> Filters)
{
    private const int Most = 64;

    /// <summary>Reads settings.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="problems">What is wrong, a sentence each; empty if they can be used.</param>
    public static HookRules Read(HookSettings settings, out IReadOnlyList<string> problems)
    {
        var found = new List<string>();
        if (settings.Scheme is not ("standard" or "github" or "token"))
        {
            found.Add($"there is no scheme '{settings.Scheme}'; choose standard, github, or token (weak)");
        }

        if (settings.PerMinute is < 1 or > 100_000)
        {
            found.Add($"perMinute must be between 1 and 100000; it is {settings.PerMinute}");
        }

        if (settings.Inputs.Count > Most || settings.Filters.Count > Most)
        {
            found.Add($"at most {Most} inputs and {Most} filters are possible");
        }

        var inputs = settings.Inputs.Take(Most).Select(input => Mapping(input, found)).OfType<InputMapping>().ToList();
        var filters = settings.Filters.Take(Most).Select(filter => Filter(filter, found)).OfType<DeliveryFilter>().ToList();
        problems = found;
        return new HookRules(inputs, filters);
    }

    private static InputMapping? Mapping(HookInput input, List<string> problems)
    {
        InputType? type = input.Type switch { "text" => InputType.Text, "number" => InputType.Number, "boolean" => InputType.Boolean, "json" => InputType.Json, _ => null };
        if (type is null)
        {
            problems.Add($"input '{input.Input}': there is no type '{input.Type}'; choose text, number, boolean or json");
        }

        return Pointer(input.From, $"input '{input.Input}'", problems) is { } from && type is { } known ? new InputMapping(input.Input, from, known, input.Required) : null;
    }

    private static DeliveryFilter? Filter(HookFilter filter, List<string> problems)
    {
        if (Pointer(filter.At, "a filter", problems) is not { } at)
        {
            return null;
        }

        switch (filter)
        {
            case { OneOf: { Count: > 0 } values, StartsWith: null, Present: null }:
                return new DeliveryFilter.OneOf(at, values);
            case { OneOf: null, StartsWith: { } prefix, Present: null }:
                return new DeliveryFilter.StartsWith(at, prefix);
            case { OneOf: null, StartsWith: null, Present: { } wanted }:
                return new DeliveryFilter.Present(at, wanted);
            default:
                problems.Add($"the filter at '{filter.At}' needs exactly one of oneOf, startsWith and present");
                return null;
        }
    }

    private static JsonPointer? Pointer(string text, string where, List<string> problems)
    {
        if (JsonPointer.TryParse(text, out var pointer))
        {
            return pointer;
        }

        problems.Add($"{where}: '{text}' is no JSON Pointer; write for example /release/tag");
        return null;
    }
}
