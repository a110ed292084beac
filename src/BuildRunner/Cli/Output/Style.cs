using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>How the terminal is written to: with colour or without, with signs or their replacements in ASCII.</summary>
internal sealed record Style(bool Colour, bool Unicode)
{
    private static readonly string[] LabelColours = ["36", "33", "35", "34", "32", "96", "93", "95", "94", "92"];

    private static readonly string[] LocaleNames = ["LC_ALL", "LC_CTYPE", "LANG"];

    /// <summary>Between a name and its text.</summary>
    public string Bar => Unicode ? "│" : "|";

    /// <summary>Stands for something left out.</summary>
    public string Ellipsis => Unicode ? "…" : "...";

    /// <summary>Between facts.</summary>
    public string Dot => Unicode ? "·" : "-";

    /// <summary>Decides by flag, environment and terminal. <c>NO_COLOR</c> and <c>TERM=dumb</c> say no, <c>FORCE_COLOR</c> and <c>CLICOLOR_FORCE</c> yes.</summary>
    /// <param name="choice"><c>auto</c>, <c>always</c> or <c>never</c>.</param>
    /// <param name="environment">The environment.</param>
    /// <param name="isTerminal">Whether a person sees it at once.</param>
    public static Style Choose(string choice, IReadOnlyDictionary<string, string> environment, bool isTerminal)
    {
        var colour = choice switch
        {
            "always" => true,
            "never" => false,
            _ when Has(environment, "NO_COLOR") => false,
            _ when Says(environment, "FORCE_COLOR") || Says(environment, "CLICOLOR_FORCE") => true,
            _ => isTerminal && !(environment.TryGetValue("CLICOLOR", out var c) && c == "0") && environment.GetValueOrDefault("TERM") != "dumb",
        };
        return new Style(colour, IsUtf8(environment));
    }

    /// <summary>The sign for an outcome; never colour alone.</summary>
    public string Sign(Outcome outcome) => outcome switch
    {
        Outcome.Success => Green(Unicode ? "✓" : "ok"),
        Outcome.Skipped => Dim(Unicode ? "–" : "-"),
        Outcome.Cancelled => Yellow("!"),
        Outcome.Error or Outcome.Lost => Red("!"),
        _ => Red(Unicode ? "✗" : "x"),
    };

    /// <summary>Cells of the widest sign.</summary>
    public int SignWidth => Unicode ? 1 : 2;

    /// <summary>A sign, as wide as the widest.</summary>
    public string Column(string sign) => Unicode || sign.Contains("ok", StringComparison.Ordinal) ? sign : sign + " ";

    /// <summary>The sign for something that runs.</summary>
    public string Running => Blue(Unicode ? "●" : ">");

    /// <summary>The sign for something that waits.</summary>
    public string Waiting => Dim(Unicode ? "○" : ".");

    /// <summary>The sign for a warning.</summary>
    public string Warning => Yellow("!");

    public string Red(string text) => Paint("31", text);

    public string Green(string text) => Paint("32", text);

    public string Yellow(string text) => Paint("33", text);

    public string Blue(string text) => Paint("34", text);

    public string Bold(string text) => Paint("1", text);

    public string Dim(string text) => Paint("2", text);

    /// <summary>A name in a colour of its own.</summary>
    public string Label(int number, string text) => Paint(LabelColours[number % LabelColours.Length], text);

    private string Paint(string code, string text) => Colour ? $"\e[{code}m{text}\e[0m" : text;

    private static bool Has(IReadOnlyDictionary<string, string> environment, string name) =>
        environment.TryGetValue(name, out var value) && value.Length > 0;

    private static bool Says(IReadOnlyDictionary<string, string> environment, string name) =>
        environment.TryGetValue(name, out var value) && value is not ("" or "0" or "false");

    // As the C library decides: the first of these that is set and not empty.
    private static bool IsUtf8(IReadOnlyDictionary<string, string> environment)
    {
        var locale = LocaleNames.Select(n => environment.GetValueOrDefault(n, "")).FirstOrDefault(v => v.Length > 0);
        return locale is null || locale.Contains("UTF-8", StringComparison.OrdinalIgnoreCase) || locale.Contains("utf8", StringComparison.OrdinalIgnoreCase);
    }
}
