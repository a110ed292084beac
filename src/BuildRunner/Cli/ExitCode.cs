using BuildRunner.Core.Runs;

namespace BuildRunner.Cli;

/// <summary>What the process exits with (ux.md B.3.2). Printed by <c>--help</c>.</summary>
internal enum ExitCode
{
    /// <summary>Done; the run succeeded.</summary>
    Success = 0,

    /// <summary>The run failed: a step returned non-zero.</summary>
    Failure = 1,

    /// <summary>Wrong usage.</summary>
    Usage = 2,

    /// <summary>The pipeline file has errors.</summary>
    InvalidFile = 3,

    /// <summary>Not logged in, or not allowed.</summary>
    NotAllowed = 4,

    /// <summary>The run ended in <c>error</c> or <c>lost</c>: image, engine, agent, disk; not the user's code.</summary>
    Error = 5,

    /// <summary>The server is unreachable, or the stream broke; the run may still be going.</summary>
    Unreachable = 6,

    /// <summary>Timed out.</summary>
    TimedOut = 124,

    /// <summary>Ended by HUP, after clean-up.</summary>
    Hangup = 129,

    /// <summary>Ended by INT, after clean-up; also a run that was cancelled otherwise.</summary>
    Interrupted = 130,

    /// <summary>Ended by TERM, after clean-up.</summary>
    Terminated = 143,
}

/// <summary>Which result gives which code.</summary>
internal static class ExitCodes
{
    /// <summary>The table, as <c>--help</c> prints it.</summary>
    public static IReadOnlyList<(ExitCode Code, string Meaning)> All { get; } =
    [
        (ExitCode.Success, "done; the run succeeded"),
        (ExitCode.Failure, "the run failed: a step returned non-zero"),
        (ExitCode.Usage, "wrong usage"),
        (ExitCode.InvalidFile, "the pipeline file has errors"),
        (ExitCode.NotAllowed, "not logged in, or not allowed"),
        (ExitCode.Error, "error or lost: image, engine, agent, disk; not the user's code"),
        (ExitCode.Unreachable, "server unreachable, or the stream broke"),
        (ExitCode.TimedOut, "timed out"),
        (ExitCode.Hangup, "ended by HUP after clean-up"),
        (ExitCode.Interrupted, "ended by INT after clean-up, or the run was cancelled"),
        (ExitCode.Terminated, "ended by TERM after clean-up"),
    ];

    /// <summary>The exit status of the command behind an outcome, as a shell shows it; null: no command ended by itself.</summary>
    public static int? StatusOf(Outcome outcome) => outcome switch
    {
        Outcome.Success(var code) => code,
        Outcome.Failure(FailureReason.ExitCode(var code)) => code,
        Outcome.Failure(FailureReason.Signal(var number)) => 128 + number,
        Outcome.Failure(FailureReason.OomKilled) => 137,
        _ => null,
    };

    /// <summary>The code for the result of a run. One in which everything was skipped is a success.</summary>
    public static ExitCode Of(Outcome outcome) => outcome switch
    {
        Outcome.Success or Outcome.Skipped => ExitCode.Success,
        Outcome.Failure => ExitCode.Failure,
        Outcome.TimedOut => ExitCode.TimedOut,
        Outcome.Cancelled => ExitCode.Interrupted,
        Outcome.Invalid => ExitCode.InvalidFile,
        _ => ExitCode.Error,
    };
}
