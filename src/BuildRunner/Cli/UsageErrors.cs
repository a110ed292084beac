using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>What is wrong with a command line, in sentences that name the word that is wrong.</summary>
internal static partial class UsageErrors
{
    // The words after it are another program's; without it, those after the first are.
    private const string Rest = "--";
    private const string OtherProgram = "COMMAND";

    /// <summary>Every mistake; none: it can be carried out.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.Errors.Count == 0 && parsed.Action != command.Action)
        {
            return [];
        }

        if (UnknownOption(parsed, arguments) is { } unknown)
        {
            return [unknown];
        }

        return command.Subcommands.Count > 0 && parsed.Errors.Count > 0 && parsed.CommandResult.Children.OfType<OptionResult>().All(o => !o.Errors.Any())
            ? [NoVerb(command, Path(parsed), parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0] : null)]
            : [.. parsed.Errors.Select(e => Text(e, Path(parsed).TrimEnd())).Distinct()];
    }

    /// <summary>The verbs as they were written, each with a space after it.</summary>
    public static string Path(ParseResult parsed)
    {
        var names = new List<string>();
        for (var at = parsed.CommandResult; at?.Parent is CommandResult parent; at = parent)
        {
            names.Insert(0, at.Command.Name + " ");
        }

        return string.Concat(names);
    }

    // An option that nobody knows would otherwise be taken for a file, a run or a step.
    private static string? UnknownOption(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        var ours = arguments.TakeWhile(a => a != Rest).ToHashSet(StringComparer.Ordinal);
        var taken = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Argument.Name == OtherProgram ? a.Tokens.Take(1) : a.Tokens).Select(t => t.Value);
        if (taken.Concat(parsed.UnmatchedTokens).FirstOrDefault(w => w is ['-', _, ..] && ours.Contains(w)) is not { } word)
        {
            return null;
        }

        var name = word.Split('=')[0];
        var near = NearestSetting.Among(name, OptionsOf(parsed.CommandResult));
        return $"there is no option '{name}'.{(near is null ? "" : $" Did you mean '{near}'?")}";
    }

    private static IEnumerable<string> OptionsOf(CommandResult command)
    {
        for (var at = command; at is not null; at = at.Parent as CommandResult)
        {
            foreach (var option in at.Command.Options.Where(o => o.Recursive || at == command))
            {
                yield return option.Name;
            }
        }
    }

    private static string NoVerb(Command command, string path, string? word)
    {
        var verbs = command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).ToList();
        var near = word is null ? null : NearestSetting.Among(word, verbs);

        // The program itself has too many to name them here.
        var all = path.Length == 0 ? "" : $" There are: {string.Join(", ", verbs)}";
        return word is null
            ? path.Length == 0 ? "say what to do: 'buildrunner run' runs the pipeline of this folder" : $"'{path.TrimEnd()}' needs a verb.{all}"
            : $"there is no verb '{path}{word}'.{(near is null ? all : $" Did you mean '{path}{near}'?")}";
    }

    // The library lists choices over several lines, and does not say of which option they are; of the rest some does not say what is expected.
    private static string Text(ParseError error, string verb)
    {
        if (TooMany().Match(error.Message) is { Success: true } word)
        {
            return $"'{word.Groups[1].Value}' is a word too many for '{verb}'";
        }

        if (Lacking().Match(error.Message) is { Success: true } argument)
        {
            return $"'{verb}' needs {argument.Groups[1].Value}";
        }

        if (WithoutValue().Match(error.Message) is { Success: true } bare)
        {
            return $"{bare.Groups[1].Value} needs a value";
        }

        var lines = error.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length < 2 || error.SymbolResult is not OptionResult option)
        {
            return error.Message;
        }

        var choices = lines.Skip(1).Select(l => l.Trim('\'')).ToList();
        var wrong = option.Tokens.Select(t => t.Value).FirstOrDefault(v => !choices.Contains(v)) ?? "";
        var near = NearestSetting.Among(wrong, choices);
        return $"{option.Option.Name} takes {string.Join(", ", choices)}; it is '{wrong}'.{(near is null ? "" : $" Did you mean '{near}'?")}";
    }

    [GeneratedRegex("^Unrecognized command or argument '(.*)'\\.$", RegexOptions.Singleline)]
    private static partial Regex TooMany();

    [GeneratedRegex("^Required argument '([^']+)' missing for command: '")]
    private static partial Regex Lacking();

    [GeneratedRegex("^Required argument missing for option: '([^']+)'")]
    private static partial Regex WithoutValue();
}
