using System.Text;

namespace BuildRunner.Cli.Init;

/// <summary>Writes a first pipeline file.</summary>
internal static class FirstFile
{
    /// <summary>The file's text.</summary>
    /// <param name="steps">Its steps; none: one that greets.</param>
    /// <param name="schema">Where editors find the schema.</param>
    public static string Write(IReadOnlyList<FirstStep> steps, string schema)
    {
        var text = new StringBuilder($"# yaml-language-server: $schema={schema}\n# Check it with 'buildrunner lint', run it here with 'buildrunner run'.\n\n");
        text.Append("when:\n  - event: [push, pull_request, manual]\n\nsteps:\n");
        if (steps.Count == 0)
        {
            return text.Append("  - name: hello\n    image: alpine:3.22\n    commands:\n      - echo \"replace this with what builds and tests the repository\"\n").ToString();
        }

        foreach (var step in steps)
        {
            text.Append("  - name: ").Append(steps.Count == 1 ? "build" : step.Name).Append('\n');
            text.Append("    image: ").Append(step.Image).Append('\n');
            if (step.Directory is { } directory)
            {
                text.Append("    directory: ").Append(Quoted(directory)).Append('\n');
            }

            if (steps.Count > 1)
            {
                text.Append("    depends_on: []\n");
            }

            text.Append("    commands:\n");
            foreach (var command in step.Commands)
            {
                text.Append("      - ").Append(command[0] is '!' ? Quoted(command) : command).Append('\n');
            }
        }

        return text.ToString();
    }

    // A folder may be called anything; its dollars are no substitutions.
    private static string Quoted(string value) =>
        value.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_' or '.') ? value : $"'{value.Replace("'", "''", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal)}'";
}
