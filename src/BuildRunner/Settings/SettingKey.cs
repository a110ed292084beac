namespace BuildRunner.Settings;

/// <summary>One setting: its name, what it takes, its default and what it is for. The table of all is <see cref="SettingKeys.All"/>.</summary>
/// <param name="Name"><c>Section:Key</c>; compared without regard to case.</param>
/// <param name="Kind">What it takes.</param>
/// <param name="Default">The built-in value as it would be written; null: not set.</param>
/// <param name="Description">One sentence.</param>
internal sealed record SettingKey(string Name, SettingKind Kind, string? Default, string Description)
{
    /// <summary>The values it takes; empty: any of its kind.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>True: never shown, and also accepted as <c>NAME_FILE</c> in the environment.</summary>
    public bool Secret { get; init; }

    /// <summary>True: it is a path, which is never empty.</summary>
    public bool IsPath { get; init; }

    /// <summary>The name in the environment.</summary>
    public string Variable => "BUILDRUNNER_" + Name.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant();
}

/// <summary>What a setting takes.</summary>
internal enum SettingKind
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>Texts: a JSON array, or separated by commas.</summary>
    List,

    /// <summary><c>true</c> or <c>false</c>.</summary>
    Flag,

    /// <summary>A number; may have a fraction.</summary>
    Number,

    /// <summary><c>00:10:00</c>, <c>90s</c>, <c>10m</c>, <c>2h</c>, <c>90d</c>.</summary>
    Duration,

    /// <summary>Bytes: <c>512MiB</c>, <c>2GiB</c>, <c>1000000</c>.</summary>
    Size,
}
