using System.CommandLine;
using System.Globalization;
using System.Text;

namespace BuildRunner.Cli.Manual;

/// <summary>The manual page, made from the command tree, in the language of <c>man</c>.</summary>
internal static class ManPage
{
    /// <summary>The page.</summary>
    public static string Write(RootCommand root)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $".TH BUILDRUNNER 1 \"\" \"BuildRunner {ProductVersion.Text}\" \"User commands\"\n");
        page.Append(".SH NAME\nbuildrunner \\- run pipelines, each step in its own fresh container\n");
        page.Append(".SH SYNOPSIS\n.B buildrunner\n.I verb\n.RI [ options ]\n.SH DESCRIPTION\n").Append(Text(root.Description)).Append('\n');
        page.Append(".SH VERBS\n");
        foreach (var command in root.Subcommands.Where(c => !c.Hidden))
        {
            Verb(page, command, "buildrunner");
        }

        page.Append(".SH OPTIONS OF EVERY VERB\n");
        Options(page, root.Options.Where(o => !o.Hidden));
        page.Append(".SH EXIT STATUS\n");
        foreach (var (code, meaning) in ExitCodes.All)
        {
            page.Append(CultureInfo.InvariantCulture, $".TP\n.B {(int)code}\n{Text(meaning)}\n");
        }

        page.Append(".SH ENVIRONMENT\n.TP\n.B BUILDRUNNER_SECTION__KEY\nA setting; \\(aqbuildrunner config show\\(aq lists them.\n");
        page.Append(".TP\n.BR BUILDRUNNER_PROGRESS\nHow \\(aqrun\\(aq shows its progress: auto, tty, plain, json or quiet.\n");
        return page.Append(".TP\n.BR NO_COLOR ,\\  CLICOLOR ,\\  CLICOLOR_FORCE ,\\  FORCE_COLOR\nWhether the output is coloured.\n").ToString();
    }

    private static void Verb(StringBuilder page, Command command, string path)
    {
        var name = $"{path} {command.Name}";
        if (command.Subcommands.Count > 0)
        {
            foreach (var inner in command.Subcommands.Where(c => !c.Hidden))
            {
                Verb(page, inner, name);
            }

            return;
        }

        var arguments = string.Concat(command.Arguments.Select(a => $" {Text(a.Arity.MinimumNumberOfValues == 0 ? $"[{a.Name}]" : a.Name)}"));
        page.Append(".SS \"").Append(Text(name)).Append(arguments).Append("\"\n").Append(Sentence(command.Description)).Append('\n');
        if (command.Aliases.Count > 0)
        {
            page.Append("Also called ").Append(Text(string.Join(", ", command.Aliases))).Append(".\n");
        }

        foreach (var argument in command.Arguments)
        {
            page.Append(".TP\n.I ").Append(Text(argument.Name)).Append('\n').Append(Text(argument.Description)).Append('\n');
        }

        Options(page, command.Options.Where(o => !o.Hidden && o is not System.CommandLine.Help.HelpOption));
    }

    private static void Options(StringBuilder page, IEnumerable<Option> options)
    {
        foreach (var option in options)
        {
            var names = string.Join(", ", option.Aliases.Append(option.Name).OrderBy(n => n.Length).Select(n => $"\\fB{Text(n)}\\fR"));
            page.Append(".TP\n").Append(names).Append(option.HelpName is { } value ? $" \\fI{Text(value)}\\fR" : "").Append('\n').Append(Text(option.Description)).Append('\n');
        }
    }

    private static string Sentence(string? text) => string.IsNullOrEmpty(text) ? "" : Text(char.ToUpperInvariant(text[0]) + text[1..]) + ".";

    // A dash that is typed, a backslash, quotes; a line may not begin with a dot or an apostrophe.
    private static string Text(string? text)
    {
        var escaped = (text ?? "").ReplaceLineEndings(" ").Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal)
            .Replace("\"", "\\(dq", StringComparison.Ordinal).Replace("'", "\\(aq", StringComparison.Ordinal).Replace("…", "...", StringComparison.Ordinal);
        return escaped.StartsWith('.') ? "\\&" + escaped : escaped;
    }
}
