namespace BuildRunner.Server.Schedules;

/// <summary>What happens if a schedule is due while its last run goes on.</summary>
public enum OverlapRule
{
    /// <summary>The new run starts beside it.</summary>
    Allow,

    /// <summary>There is no new run.</summary>
    Skip,

    /// <summary>The last run is cancelled, and the new one starts.</summary>
    CancelPrevious,
}

/// <summary>What an occurrence of a schedule does.</summary>
/// <param name="Start">Whether a run starts.</param>
/// <param name="CancelPrevious">Whether the last run is cancelled first.</param>
/// <param name="Why">Why no run starts, as a sentence; null if one does.</param>
internal sealed record FireDecision(bool Start, bool CancelPrevious, string? Why)
{
    /// <summary>Decides.</summary>
    /// <param name="rule">The schedule's rule.</param>
    /// <param name="previousGoesOn">Whether its last run has not ended.</param>
    public static FireDecision For(OverlapRule rule, bool previousGoesOn) => (rule, previousGoesOn) switch
    {
        (OverlapRule.Skip, true) => new(false, false, "the last run of this schedule still goes on (setting 'overlap: skip')"),
        (OverlapRule.CancelPrevious, true) => new(true, true, null),
        _ => new(true, false, null),
    };
}
