namespace BuildRunner.Campaign;

/// <summary>How a run may end after a fault, by the promises G1 to G12. What else must hold of it, the auditor knows.</summary>
public static class Expectations
{
    private static readonly string[] Success = ["success"], Lost = ["lost"], Cancelled = ["cancelled"], Error = ["error"], Failure = ["failure"];

    /// <summary>The outcomes that are right.</summary>
    public static string[] Of(Fault fault) => fault switch
    {
        { Cancelled: true } => Cancelled,

        // All that had to be done was done; but a service that is killed has failed, and that counts.
        { Phase: Phase.Cleaning, Shape: RunShape.Service, Victim: Victim.Shim or Victim.Container } => [.. Success, .. Failure, .. Lost, .. Error],
        { Phase: Phase.Cleaning } => Success,
        { Victim: Victim.Server or Victim.Broker or Victim.Database } => Success,
        { Victim: Victim.Agent } => OfAgent(fault),
        _ => OfHelper(fault),
    };

    // A step that was not started goes on after a restart of its agent, in its workspace, also if its intent is stored: the journal says that nothing of it was executed.
    // One that ended is told; what may have run is lost. Only what services held cannot come back.
    private static string[] OfAgent(Fault fault) => fault.Phase switch
    {
        Phase.Running => Retried(fault, Lost),
        _ when fault is { Shape: RunShape.Service, First: false } or { Shape: RunShape.Service, Phase: Phase.Exited or Phase.Reported } => Error,
        _ => Success,
    };

    // Before the start a helper's death is an error of that step or is made good, never a success that did not happen: that the auditor sees.
    private static string[] OfHelper(Fault fault) => (fault.Victim, fault.Phase) switch
    {
        (Victim.Shim, Phase.IntentStored or Phase.Running) => Retried(fault, [.. Lost, .. Error]),
        (Victim.Container, Phase.IntentStored or Phase.Running) => [.. Failure, .. Lost, .. Error, .. (fault.Shape == RunShape.Retry ? Success : [])],
        _ => [.. Success, .. Lost, .. Error, .. Failure],
    };

    private static string[] Retried(Fault fault, string[] otherwise) => fault.Retries(fault.Step) > 0 ? [.. Success, .. otherwise.Except(Lost)] : otherwise;
}
