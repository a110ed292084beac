using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Settings;

/// <summary>Finds the setting that was probably meant.</summary>
internal static class NearestSetting
{
    private const int Typos = 3;
    private const StringComparison AnyCase = StringComparison.OrdinalIgnoreCase;

    /// <summary>Its name; null if none is near: misspelt, written without its section or in another one, or with a word too many or too few.</summary>
    public static string? To(string written)
    {
        if (Among(written, SettingKeys.All.Select(k => k.Name)) is { } nearest)
        {
            return nearest;
        }

        var (section, key) = Split(written);
        return (SettingKeys.All.FirstOrDefault(k => Split(k.Name).Key.Equals(key, AnyCase))
            ?? SettingKeys.All.FirstOrDefault(k => Split(k.Name) is var known && known.Section.Equals(section, AnyCase) && (known.Key.StartsWith(key, AnyCase) || key.StartsWith(known.Key, AnyCase))))?.Name;
    }

    /// <summary>The word that was probably meant; null if none is near.</summary>
    public static string? Among(string written, IEnumerable<string> words) =>
        words.MinBy(w => Distance(w, written)) is { } nearest && Distance(nearest, written) <= Math.Min(Typos, written.Length / 3) ? nearest : null;

    private static (string Section, string Key) Split(string name) => name.LastIndexOf(':') is >= 0 and var at ? (name[..at], name[(at + 1)..]) : ("", name);

    private static int Distance(string a, string b) => Nearest.Distance(a.ToUpperInvariant(), b.ToUpperInvariant());
}
