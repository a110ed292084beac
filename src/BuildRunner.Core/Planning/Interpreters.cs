namespace BuildRunner.Core.Planning;

/// <summary>Which arguments of a command are scripts.</summary>
internal static class Interpreters
{
    private static readonly string[] Shells = ["sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"];
    private static readonly string[] Languages = ["python", "node", "nodejs", "deno", "bun", "perl", "ruby", "php", "lua", "pwsh", "powershell", "cmd", "osascript", "Rscript", "groovy"];
    private static readonly string[] ScriptFlags = ["-c", "-e", "-r", "-p", "-E", "--eval", "--print", "-Command", "/c", "eval"];

    /// <summary>Whether a command runs a POSIX shell.</summary>
    public static bool IsShell(string program) => Shells.Contains(Name(program));

    /// <summary>The program that is handed the argument at an index as a script; null: it is data.</summary>
    public static string? Of(IReadOnlyList<string> command, int index)
    {
        if (index == 0)
            return null;
        var program = command[Name(command[0]) == "env" && command.Count > 1 ? 1 : 0];
        if (IsShell(program))
            return command[index - 1] is ['-', .., 'c'] ? program : null;
        var name = Name(program).TrimEnd("0123456789.".ToCharArray());
        return Languages.Contains(name) && ScriptFlags.Contains(command[index - 1]) ? program : null;
    }

    private static string Name(string program) => program[(program.LastIndexOf('/') + 1)..];
}
