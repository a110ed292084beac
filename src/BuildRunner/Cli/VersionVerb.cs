using System.CommandLine;

namespace BuildRunner.Cli;

/// <summary><c>version</c>.</summary>
internal static class VersionVerb
{
    public static Command Create(CliHost host)
    {
        var command = new Command("version", "which BuildRunner this is");
        command.SetAction(_ => host.Print(Text));
        return command;
    }

    /// <summary>What it prints.</summary>
    public static string Text => $"buildrunner {ProductVersion.Text}{(ProductVersion.Commit is { } commit ? $" ({commit[..Math.Min(12, commit.Length)]})" : "")}\n";
}
