using System.Text.Json.Serialization;

namespace BuildRunner.Core.Runs;

/// <summary>How an attempt, step, workflow or run ended. The same words everywhere (guarantees.md, "State"). A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Success), "success")]
[JsonDerivedType(typeof(Failure), "failure")]
[JsonDerivedType(typeof(TimedOut), "timed_out")]
[JsonDerivedType(typeof(Cancelled), "cancelled")]
[JsonDerivedType(typeof(Skipped), "skipped")]
[JsonDerivedType(typeof(Error), "error")]
[JsonDerivedType(typeof(Lost), "lost")]
[JsonDerivedType(typeof(Invalid), "invalid")]
public abstract record Outcome
{
    private Outcome()
    {
    }

    /// <summary>The word for it: <c>success</c>, <c>failure</c>, <c>timed_out</c>, <c>cancelled</c>, <c>skipped</c>, <c>error</c>, <c>lost</c>, <c>invalid</c>.</summary>
    public abstract string Word { get; }

    /// <summary>The command exited with 0 or an allowed code.</summary>
    /// <param name="ExitCode">The exit code; null for a workflow or run.</param>
    public sealed record Success([property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? ExitCode = 0) : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "success";
    }

    /// <summary>The command failed.</summary>
    /// <param name="Reason">How; null for a workflow or run.</param>
    public sealed record Failure(FailureReason? Reason = null) : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "failure";
    }

    /// <summary>Its time was up.</summary>
    /// <param name="Limit">The limit that was reached.</param>
    public sealed record TimedOut(TimeSpan Limit) : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "timed_out";
    }

    /// <summary>Somebody, or a newer run, cancelled it.</summary>
    /// <param name="Why">Who or what; a sentence.</param>
    public sealed record Cancelled(string Why) : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "cancelled";
    }

    /// <summary>It did not run.</summary>
    /// <param name="Why">Why; a sentence.</param>
    public sealed record Skipped(string Why) : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "skipped";
    }

    /// <summary>BuildRunner could not run it.</summary>
    /// <param name="Reason">A stable word: <c>image_not_found</c>, <c>engine_unavailable</c>, <c>poison</c> …</param>
    /// <param name="Message">For the person who must act.</param>
    public sealed record Error(string Reason, string Message) : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "error";
    }

    /// <summary>It may or may not have run; nobody can tell (promise G3).</summary>
    /// <param name="Why">What happened.</param>
    public sealed record Lost(string Why) : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "lost";
    }

    /// <summary>Of a run only: its files have errors.</summary>
    public sealed record Invalid : Outcome
    {
        /// <inheritdoc/>
        public override string Word => "invalid";
    }
}

/// <summary>How a command failed. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(ExitCode), "exit_code")]
[JsonDerivedType(typeof(Signal), "signal")]
[JsonDerivedType(typeof(OomKilled), "oom_killed")]
public abstract record FailureReason
{
    private FailureReason()
    {
    }

    /// <summary>The workflow's disk was full while it ran: what the workflow may write, in bytes. Null: it was not, or has no limit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? DiskLimitBytes { get; init; }

    private string AndDisk => DiskLimitBytes is { } limit ? $"; the workflow's disk limit of {limit / (1024 * 1024)} MiB was reached" : "";

    /// <summary>It exited.</summary>
    /// <param name="Code">1 to 255.</param>
    public sealed record ExitCode(int Code) : FailureReason
    {
        /// <inheritdoc/>
        public override string ToString() => $"exit {Code}{AndDisk}";
    }

    /// <summary>A signal ended it.</summary>
    /// <param name="Number">The signal's number.</param>
    public sealed record Signal(int Number) : FailureReason
    {
        /// <inheritdoc/>
        public override string ToString() => $"signal {Number}{AndDisk}";
    }

    /// <summary>The kernel ended it because its memory limit was reached.</summary>
    /// <param name="LimitBytes">The limit, in bytes; null: the host's memory.</param>
    public sealed record OomKilled(long? LimitBytes) : FailureReason
    {
        /// <inheritdoc/>
        public override string ToString() => (LimitBytes is { } limit ? $"out of memory (limit {limit / (1024 * 1024)} MiB)" : "out of memory") + AndDisk;
    }
}
