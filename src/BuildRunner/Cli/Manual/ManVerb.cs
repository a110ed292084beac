using System.CommandLine;

namespace BuildRunner.Cli.Manual;

/// <summary><c>man</c>: the manual page, for packages and for <c>man -l -</c>.</summary>
internal static class ManVerb
{
    /// <summary>The verb.</summary>
    /// <param name="host">Where the page goes.</param>
    /// <param name="root">What it is about, asked when the verb runs.</param>
    public static Command Create(CliHost host, Func<RootCommand> root)
    {
        var command = new Command("man", "the manual page: buildrunner man | man -l -");
        command.SetAction(_ => host.Print(ManPage.Write(root())));
        return command;
    }
}
