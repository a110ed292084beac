namespace BuildRunner.Settings;

/// <summary>The settings of this process: each with its value and where it came from. Made by <see cref="SettingsReader"/>, which has checked every value.</summary>
internal sealed class EffectiveSettings(IReadOnlyDictionary<string, SettingValue> values)
{
    /// <summary>Every known setting in the table's order.</summary>
    public IEnumerable<(SettingKey Key, SettingValue? Value)> All =>
        SettingKeys.All.Select(key => (key, values.GetValueOrDefault(key.Name)));

    /// <summary>The same settings, one with another value that its key takes.</summary>
    public EffectiveSettings With(string key, string text, string origin) =>
        new(new Dictionary<string, SettingValue>(values) { [key] = new SettingValue(text, origin) });

    /// <summary>The text of a setting; null if it has no value.</summary>
    public string? Text(string key) => values.GetValueOrDefault(key)?.Text;

    /// <summary>The text of a setting that has a default.</summary>
    public string Required(string key) => Text(key) ?? throw new ArgumentException($"{key} has no default", nameof(key));

    public IReadOnlyList<string> List(string key) => Text(key) is { } text ? SettingText.List(text) : [];

    public bool Flag(string key) => Text(key) is { } text && bool.Parse(text);

    public double? Number(string key) => Text(key) is { } text && SettingText.TryNumber(text, out var number) ? number : null;

    public TimeSpan? Duration(string key) => Text(key) is { } text && SettingText.TryDuration(text, out var duration) ? duration : null;

    public long? Size(string key) => Text(key) is { } text && SettingText.TrySize(text, out var bytes) ? bytes : null;
}

/// <summary>A value and where it came from: <c>default</c>, a file's path, a variable's name, or <c>command line</c>.</summary>
internal sealed record SettingValue(string Text, string Origin);

/// <summary>Settings that cannot be used. Each problem names the setting, its origin and what it takes.</summary>
internal sealed class SettingsException(IReadOnlyList<string> problems) : Exception(string.Join(Environment.NewLine, problems))
{
    /// <summary>Everything that is wrong, one sentence each.</summary>
    public IReadOnlyList<string> Problems { get; } = problems;
}
