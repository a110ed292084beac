using System.Text;

namespace BuildRunner.Cli.Output;

/// <summary>Lines that GitHub's runner takes as commands: <c>::error file=ci.yml,line=3::text</c>. Whatever is in the texts, a command stays one line and one command.</summary>
internal static class GitHubCommands
{
    /// <summary>A command with its properties; those without a value are left out.</summary>
    /// <param name="name"><c>error</c>, <c>warning</c>, <c>notice</c>, <c>group</c> …</param>
    /// <param name="message">What stands behind it.</param>
    /// <param name="properties">Names and values, in the order in which they are written.</param>
    public static string Write(string name, string message, params ReadOnlySpan<(string Name, string? Value)> properties)
    {
        var line = new StringBuilder("::").Append(name);
        var separator = ' ';
        foreach (var (property, value) in properties)
        {
            if (value is { Length: > 0 })
            {
                line.Append(separator).Append(property).Append('=').Append(Property(value));
                separator = ',';
            }
        }

        return line.Append("::").Append(Data(message)).ToString();
    }

    // As the runner undoes it: the percent sign first, so that nothing is undone twice.
    private static string Data(string text) => text
        .Replace("%", "%25", StringComparison.Ordinal)
        .Replace("\r", "%0D", StringComparison.Ordinal)
        .Replace("\n", "%0A", StringComparison.Ordinal);

    private static string Property(string text) => Data(text)
        .Replace(":", "%3A", StringComparison.Ordinal)
        .Replace(",", "%2C", StringComparison.Ordinal);
}
