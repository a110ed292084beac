using System.CommandLine;

namespace BuildRunner.Cli;

/// <summary><c>completion SHELL</c>: a script that completes command lines of BuildRunner.</summary>
internal static class CompletionVerb
{
    private const string Bash = """
        _buildrunner() {
          local IFS=$'\n' word begun=${COMP_LINE:0:COMP_POINT}
          begun=${begun##* }
          COMPREPLY=()
          for word in $(buildrunner "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null); do
            [[ $word != "$begun"* ]] || COMPREPLY+=("$word")
          done
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
        complete -c buildrunner -a '(set -l line (commandline -cp); buildrunner "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)'

        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName buildrunner -ScriptBlock {
          param($word, $ast, $cursor)
          $line = $ast.ToString().PadRight($cursor)
          buildrunner "[suggest:$cursor]" "$line" 2>$null | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
          }
        }

        """;

    public static Command Create(CliHost host)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh, fish or pwsh" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "pwsh");
        var command = new Command("completion", "a script that completes command lines: eval \"$(buildrunner completion bash)\"") { shell };
        command.SetAction(parsed => host.Print(parsed.GetValue(shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            "fish" => Fish,
            _ => PowerShell,
        }));
        return command;
    }
}
