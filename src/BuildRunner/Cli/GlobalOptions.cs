using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using BuildRunner.Cli.Output;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>Options that every verb has.</summary>
internal sealed class GlobalOptions
{
    public Option<string> Directory { get; } = new("-C") { Description = "work in this directory", HelpName = "DIR", Recursive = true };

    public Option<string> Config { get; } = new("--config") { Description = "settings file in place of the machine's", HelpName = "FILE", Recursive = true };

    public Option<string> Colour { get; } = new Option<string>("--color") { Description = "colour the output: auto, always or never", HelpName = "WHEN", Recursive = true }.Among("auto", "always", "never");

    public Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "only the summary", Recursive = true };

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [Directory, Config, Colour, Quiet];

    /// <summary>The host as these options change it.</summary>
    public CliHost Apply(ParseResult parsed, CliHost host)
    {
        if (parsed.GetValue(Directory) is not { } directory)
        {
            return host;
        }

        var path = Path.GetFullPath(directory, host.Directory);
        return System.IO.Directory.Exists(path) ? host with { Directory = path } : throw new CliException(ExitCode.Usage, $"-C {directory}: there is no such directory");
    }

    /// <summary>How to write to standard error.</summary>
    public Style StyleOf(ParseResult parsed, CliHost host) => Style.Choose(parsed.GetValue(Colour) ?? "auto", host.Environment, host.Terminal.ErrorIsTerminal);

    /// <summary>How to write to standard output.</summary>
    public Style OutputStyleOf(ParseResult parsed, CliHost host) => Style.Choose(parsed.GetValue(Colour) ?? "auto", host.Environment, host.Terminal.OutputIsTerminal);

    /// <summary>The settings, with those that flags of the verb give.</summary>
    public EffectiveSettings SettingsOf(ParseResult parsed, CliHost host, IEnumerable<KeyValuePair<string, string>>? flags = null) =>
        SettingsReader.Read(parsed.GetValue(Config) is { } file ? Path.GetFullPath(file, host.Directory) : null, host.Environment, flags);
}

internal static class OptionExtensions
{
    /// <summary>Refuses other values.</summary>
    public static Option<string> Among(this Option<string> option, params string[] values)
    {
        option.AcceptOnlyFromAmong(values);
        return option;
    }

    /// <summary>Takes only a whole number that lies between two others.</summary>
    public static Option<int> Between(this Option<int> option, int least, int most = int.MaxValue)
    {
        option.CustomParser = result => Number(result, option.Name, least, most) ?? least;
        return option;
    }

    /// <summary>Takes only a whole number that lies between two others.</summary>
    public static Option<int?> Between(this Option<int?> option, int least, int most = int.MaxValue)
    {
        option.CustomParser = result => Number(result, option.Name, least, most);
        return option;
    }

    /// <summary>Takes only what a setting takes, and says so by its own name.</summary>
    public static Option<string> As(this Option<string> option, string setting)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var written] && SettingText.ProblemWith(SettingKeys.All.First(k => k.Name == setting), written.Value) is { } problem)
            {
                result.AddError($"{option.Name} {problem}; it is '{written.Value}'");
            }
        });
        return option;
    }

    // The library would speak of types of .NET, and a validator that asks it for a value that is no number ends with an exception.
    private static int? Number(ArgumentResult result, string name, int least, int most)
    {
        var written = result.Tokens[0].Value;
        if (int.TryParse(written, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
        {
            return number;
        }

        var bounds = most == int.MaxValue ? "on" : string.Create(CultureInfo.InvariantCulture, $"to {most}");
        result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} takes a number from {least} {bounds}; it is '{written}'"));
        return null;
    }
}
