using System.Text.Json;
using BuildRunner.Server.Webhooks;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>
/// Takes the fields of an event that are needed, and notes those that are missing or not of their form; the reader then asks <see cref="Problem"/> once.
/// Never throws, whatever the payload is.
/// </summary>
internal sealed class Payload
{
    // Longer texts cannot be handed to a process: Linux limits each variable to 128 KiB.
    private const int MaxText = 64 * 1024;
    private const int MaxName = 512;
    private readonly JsonElement root;

    public Payload(JsonElement root) => this.root = root;

    /// <summary>The first field that is needed and not there or not of its form; null: none so far.</summary>
    public string? Problem { get; private set; }

    /// <summary>Whether there is something, and not null.</summary>
    public bool Has(string path) => Find(path) is { ValueKind: not JsonValueKind.Null };

    /// <summary>A short text that identifies something; empty and noted if it is not there.</summary>
    public string Name(string path) => OptionalName(path) ?? Missing(path, "");

    /// <summary>A short text; null if it is not there.</summary>
    public string? OptionalName(string path) => Find(path) is { } value && JsonText.String(value) is { Length: > 0 and <= MaxName } text && !text.Contains('\0', StringComparison.Ordinal) ? text : null;

    /// <summary>A text that people write: cut at 64 Ki characters, without NUL, which no variable can hold. Empty if it is not there.</summary>
    public string Text(string path)
    {
        var text = Find(path) is { } value ? JsonText.String(value) ?? "" : "";
        if (text.Length > MaxText)
            text = text[..(char.IsHighSurrogate(text[MaxText - 1]) ? MaxText - 1 : MaxText)];
        return text.Replace('\0', '\uFFFD');
    }

    /// <summary>A number that identifies something; 0 and noted if it is not there.</summary>
    public long Id(string path) => OptionalId(path) ?? Missing(path, 0L);

    /// <summary>A number that identifies something; null if it is not there.</summary>
    public long? OptionalId(string path) => Find(path) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number) && number > 0 ? number : null;

    /// <summary>The number of a pull request; 0 and noted if it is not there.</summary>
    public int Number(string path) => OptionalId(path) is { } number and <= int.MaxValue ? (int)number : Missing(path, 0);

    /// <summary>True only if it says so.</summary>
    public bool Flag(string path) => Find(path) is { ValueKind: JsonValueKind.True };

    /// <summary>A commit's id; empty and noted if it is none.</summary>
    public string Commit(string path) => OptionalName(path) is { } text && GitName.IsCommit(text) ? text : Missing(path, "");

    /// <summary>A branch's name; empty and noted if it cannot be one.</summary>
    public string Branch(string path) => OptionalName(path) is { } text && GitName.IsRef("refs/heads/" + text) ? text : Missing(path, "");

    /// <summary>A full ref; empty and noted if it is none.</summary>
    public string Ref(string path) => OptionalName(path) is { } text && GitName.IsRef(text) ? text : Missing(path, "");

    /// <summary>The JSON of a scalar, to tell events apart; null if it is not there.</summary>
    public string? Raw(string path) => Find(path) is { ValueKind: JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False } value ? value.GetRawText() : null;

    /// <summary>Seconds since 1970 of a time in RFC 3339 or as a number; null if it is not there.</summary>
    public long? Seconds(string path) => Find(path) switch
    {
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt64(out var seconds) => seconds,
        { ValueKind: JsonValueKind.String } value when value.TryGetDateTimeOffset(out var at) => at.ToUnixTimeSeconds(),
        _ => null,
    };

    /// <summary>The elements of an array; none if it is not there.</summary>
    public IEnumerable<Payload> Items(string path) =>
        Find(path) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray().Select(element => new Payload(element)) : [];

    /// <summary>Who is at a path.</summary>
    public Person Person(string path) => new(Id(path + ".id"), Name(path + ".login"));

    /// <summary>The repository that the event is about.</summary>
    public ForgeRepository Repository() => new()
    {
        Id = Id("repository.id"),
        FullName = OptionalName("repository.full_name") is { } name && GitName.IsRepository(name) ? name : Missing("repository.full_name", ""),
        Owner = Id("repository.owner.id"),
        DefaultBranch = OptionalName("repository.default_branch") is { } branch && GitName.IsRef("refs/heads/" + branch) ? branch : "main",
        Private = Flag("repository.private"),
        Installation = OptionalId("installation.id"),
    };

    /// <summary>The text of this value itself, if it is a short one.</summary>
    public string? Itself() => JsonText.String(root) is { Length: > 0 and <= 4096 } text && !text.Contains('\0', StringComparison.Ordinal) ? text : null;

    private T Missing<T>(string path, T instead)
    {
        Problem ??= path;
        return instead;
    }

    private JsonElement? Find(string path)
    {
        var value = root;
        foreach (var name in path.Split('.'))
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value))
                return null;
        }
        return value;
    }
}
