using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Server.Webhooks;

/// <summary>A condition on a delivery. All conditions of an endpoint must hold for a run. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(OneOf), "one_of")]
[JsonDerivedType(typeof(StartsWith), "starts_with")]
[JsonDerivedType(typeof(Present), "present")]
internal abstract record DeliveryFilter
{
    private DeliveryFilter()
    {
    }

    /// <summary>Why a delivery is passed over, as a sentence; null if it is not.</summary>
    public static string? WhyNot(IReadOnlyList<DeliveryFilter> filters, JsonElement document)
    {
        ArgumentNullException.ThrowIfNull(filters);
        return filters.Select(filter => filter.WhyNot(document)).FirstOrDefault(why => why is not null);
    }

    /// <summary>Why a delivery is passed over; null if it is not.</summary>
    public abstract string? WhyNot(JsonElement document);

    /// <summary>A text, number or boolean that is one of these, written as JSON writes it without quotes.</summary>
    public sealed record OneOf(JsonPointer At, IReadOnlyList<string> Values) : DeliveryFilter
    {
        /// <inheritdoc/>
        public override string? WhyNot(JsonElement document) =>
            Scalar(At.Find(document)) is { } text && Values.Contains(text, StringComparer.Ordinal) ? null : $"the value at '{At}' is not one of {string.Join(", ", Values)}";
    }

    /// <summary>A text that begins so.</summary>
    public sealed record StartsWith(JsonPointer At, string Prefix) : DeliveryFilter
    {
        /// <inheritdoc/>
        public override string? WhyNot(JsonElement document) =>
            Scalar(At.Find(document)) is { } text && text.StartsWith(Prefix, StringComparison.Ordinal) ? null : $"the value at '{At}' does not begin with {Prefix}";
    }

    /// <summary>Something that is there and not null, or that is not there.</summary>
    public sealed record Present(JsonPointer At, bool Wanted) : DeliveryFilter
    {
        /// <inheritdoc/>
        public override string? WhyNot(JsonElement document) =>
            At.Find(document) is { ValueKind: not JsonValueKind.Null } == Wanted ? null : $"there is {(Wanted ? "nothing" : "something")} at '{At}'";
    }

    private static string? Scalar(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.String } text => JsonText.String(text),
        { ValueKind: JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False } scalar => scalar.GetRawText(),
        _ => null,
    };
}
