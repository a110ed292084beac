namespace BuildRunner.Cli;

/// <summary>A verb cannot go on, for a reason that the user can act on. Printed as <c>buildrunner: message</c>.</summary>
internal sealed class CliException(ExitCode code, string message) : Exception(message)
{
    /// <summary>What the process exits with.</summary>
    public ExitCode Code { get; } = code;
}
