using System.CommandLine;

namespace BuildRunner.Cli;

/// <summary><c>completion SHELL</c>: a script that completes command lines of BuildRunner.</summary>
internal static class CompletionVerb
{
    private const string Bash = """
        _buildrunner() {
          local IFS=$'\n'
          COMPREPLY=($(buildrunner "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null))
        }
        complete -o default -F _buildrunner buildrunner

        """;

    private const string Zsh = """
        _buildrunner() {
          local -a found
          found=("${(@f)$(buildrunner "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
          compadd -- $found || _files
        }
        compdef _buildrunner buildrunner

        """;

    private const string Fish = """
        complete -c buildrunner -a '(buildrunner "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'

        """;

    public static Command Create(CliHost host)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "a script that completes command lines: eval \"$(buildrunner completion bash)\"") { shell };
        command.SetAction(parsed => host.Print(parsed.GetValue(shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            _ => Fish,
        }));
        return command;
    }
}
