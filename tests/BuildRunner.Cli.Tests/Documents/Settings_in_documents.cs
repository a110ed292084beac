using System.Text.RegularExpressions;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Tests.Documents;

/// <summary>Settings and variables that the documentation names exist, and none is left out of it.</summary>
public sealed partial class Settings_in_documents
{
    // Of the test programs, not of the product.
    private static readonly string[] OfTests =
        ["BUILDRUNNER_APP", "BUILDRUNNER_SANDBOX", "BUILDRUNNER_LAUNCH_STEPS", "BUILDRUNNER_WEBHOOKS", "BUILDRUNNER_ENDURANCE_", "BUILDRUNNER_TEST_"];

    private static readonly HashSet<string> Keys = SettingKeys.All.Select(k => k.Name).ToHashSet(StringComparer.Ordinal);

    [Fact]
    public void Every_setting_that_a_page_names_exists()
    {
        var named = Named(SettingName()).ToList();
        Checkout.None(named.Where(n => !Keys.Contains(n.Name)).Select(n => $"{n.Place}: there is no setting {n.Name}"));
        Assert.InRange(named.Count, 100, int.MaxValue);
    }

    [Fact]
    public void Every_setting_is_on_a_page()
    {
        var named = Named(SettingName()).Select(n => n.Name).ToHashSet(StringComparer.Ordinal);
        Checkout.None(Keys.Where(k => !named.Contains(k)));
    }

    [Fact]
    public void Every_variable_that_a_page_names_is_read_by_the_product()
    {
        var sources = string.Concat(Checkout.Sources.Select(Checkout.Read));
        var named = Named(Variable()).Where(n => !OfTests.Any(t => n.Name.StartsWith(t, StringComparison.Ordinal))).ToList();
        Checkout.None(named.Where(n => !IsKnown(n.Name, sources)).Select(n => $"{n.Place}: nothing reads {n.Name}"));
        Assert.InRange(named.Count, 10, int.MaxValue);
    }

    [Fact]
    public void Defaults_in_the_table_of_settings_are_those_of_the_product()
    {
        var rows = Checkout.Read("docs/operations.md").Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split(" | "))
            .Select(c => (Keys: SettingName().Matches(c[0]).Select(m => m.Groups["name"].Value).ToList(), Defaults: c[1].Split(", "))).Where(r => r.Keys.Count > 0 && r.Keys.Count == r.Defaults.Length);
        var told = rows.SelectMany(r => r.Keys.Zip(r.Defaults, (key, value) => (Key: SettingKeys.All.Single(k => k.Name == key), Value: value))).Where(t => WholeCode().IsMatch(t.Value)).ToList();
        Checkout.None(told.Where(t => t.Value.Trim('`') != t.Key.Default).Select(t => $"{t.Key.Name} is {t.Key.Default ?? "not set"}, and {t.Value} in docs/operations.md"));
        Assert.InRange(told.Count, 20, int.MaxValue);
    }

    private static bool IsKnown(string variable, string sources)
    {
        var name = variable["BUILDRUNNER_".Length..];
        return name.Contains("__", StringComparison.Ordinal)
            ? SettingKeys.All.Any(k => Matches(name, k.Name) || (k.Secret && Matches(name, k.Name + "_FILE")))
            : sources.Contains($"\"{variable}\"", StringComparison.Ordinal);
    }

    private static bool Matches(string name, string key) => name.Equals(key.Replace(":", "__", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<(string Place, string Name)> Named(Regex pattern) =>
        Checkout.Pages.SelectMany(p => Checkout.Read(p).Split('\n').SelectMany((l, i) => pattern.Matches(l).Select(m => ($"{p}({i + 1})", m.Groups["name"].Value))));

    [GeneratedRegex(@"`(?<name>[A-Z][A-Za-z]+(:[A-Z][A-Za-z0-9]+)+)(_FILE)?(=[^`]*)?`", RegexOptions.ExplicitCapture)]
    private static partial Regex SettingName();

    [GeneratedRegex("^`[^`]+`$")]
    private static partial Regex WholeCode();

    [GeneratedRegex(@"\b(?<name>BUILDRUNNER_[A-Z0-9_]*[A-Z0-9])\b", RegexOptions.ExplicitCapture)]
    private static partial Regex Variable();
}
