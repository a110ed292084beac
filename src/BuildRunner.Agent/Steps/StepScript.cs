using System.Text;

namespace BuildRunner.Agent.Steps;

/// <summary>The shell script made from a step's <c>commands</c>.</summary>
/// <remarks>Each command is echoed as <c>+ command</c> before it runs. Nothing but the commands of the plan gets into the text: data reaches
/// commands through the environment only.</remarks>
internal static class StepScript
{
    /// <summary>The file's name in the container.</summary>
    public const string FileName = "script";

    /// <summary>The shell that every image with <c>commands</c> needs.</summary>
    public const string Shell = "/bin/sh";

    /// <summary>The script, for <c>/bin/sh -e</c>.</summary>
    public static byte[] Of(IReadOnlyList<string> commands)
    {
        // The variable is for entry points that run the script themselves; its children need not see it.
        var text = new StringBuilder("unset CI_SCRIPT\n");
        foreach (var command in commands)
        {
            text.Append("printf '%s\\n'");
            var mark = "+ ";
            foreach (var line in command.TrimEnd('\n').Split('\n'))
            {
                text.Append(' ').Append(Quote(mark + line));
                mark = "> ";
            }

            text.Append('\n').Append(command).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>A word that a shell takes literally, whatever is in it.</summary>
    private static string Quote(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
