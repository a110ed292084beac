using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>What the output says about ends.</summary>
internal static class Words
{
    /// <summary>How a step ended, as a line: <c>failed in 31.7s: exit 1</c>.</summary>
    public static string End(StepPhase.Done done, AttemptRecord? last)
    {
        var took = last is null ? "" : Durations.Text(last.Phases.Run);
        var ignored = done.Conclusion is Outcome.Success && done.Outcome is not Outcome.Success ? " (ignored)" : "";
        var text = done.Outcome switch
        {
            Outcome.Success when done.Warning is { } warning => $"done in {took}: {warning}",
            Outcome.Success => $"done in {took}",
            Outcome.Failure(var reason) => $"failed in {took}: {reason}",
            Outcome.TimedOut(var limit) => $"timed out after {Durations.Text(limit)}",
            Outcome.Cancelled(var why) => last is null ? $"cancelled: {why}" : $"cancelled after {took}: {why}",
            Outcome.Skipped(var why) => $"skipped: {why}",
            Outcome.Error(_, var message) => $"error: {message}",
            Outcome.Lost(var why) => $"lost: {why}",
            _ => done.Outcome.Word,
        };
        return text + ignored;
    }

    /// <summary>How an attempt ended that another one follows.</summary>
    /// <param name="attempt">The one that has ended.</param>
    /// <param name="of">How many there are at most; fewer than there were: nobody here knows.</param>
    public static string Retry(AttemptRecord attempt, int of) =>
        $"{End(new StepPhase.Done(attempt.Outcome, attempt.Outcome, attempt.EndedAt), attempt)}; attempt {attempt.Number + 1}{(of > attempt.Number ? $" of {of}" : "")} follows";

    /// <summary>Why, in a few words behind a step's time; empty for a plain success.</summary>
    public static string Short(StepPhase.Done done) => done.Outcome switch
    {
        Outcome.Success => done.Warning ?? "",
        Outcome.Failure(var reason) => reason?.ToString() ?? "failed",
        Outcome.TimedOut(var limit) => $"timed out after {Durations.Text(limit)}",
        Outcome.Cancelled => "cancelled",
        Outcome.Skipped(var why) => $"skipped: {why}",
        Outcome.Error(_, var message) => $"error: {message}",
        Outcome.Lost(var why) => $"lost: {why}",
        _ => done.Outcome.Word,
    };

    /// <summary>How a run ended.</summary>
    public static string Result(Outcome outcome) => outcome switch
    {
        Outcome.Success => "passed",
        Outcome.Failure => "failed",
        Outcome.TimedOut => "timed out",
        Outcome.Skipped => "nothing ran",
        _ => outcome.Word,
    };

    /// <summary>The image without its registry's host.</summary>
    public static string WithoutHost(string image)
    {
        var slash = image.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && image.AsSpan(0, slash).ContainsAny('.', ':') && !image.StartsWith("rootfs:", StringComparison.Ordinal) ? image[(slash + 1)..] : image;
    }

    /// <summary>The image without its digest's tail: <c>alpine@sha256:9d1c2e3f4a5b…</c>.</summary>
    public static string Image(string image, Style style)
    {
        var at = image.IndexOf("@sha256:", StringComparison.Ordinal);
        return at < 0 || image.Length < at + 20 ? image : image[..(at + 20)] + style.Ellipsis;
    }
}
