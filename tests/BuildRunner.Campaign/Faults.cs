namespace BuildRunner.Campaign;

/// <summary>Where a step is when a process is killed.</summary>
public enum Phase
{
    /// <summary>Stored and waiting; no agent has it.</summary>
    Queued,

    /// <summary>The server has given it to an agent, which may or may not have heard of it.</summary>
    Claimed,

    /// <summary>The agent makes its container.</summary>
    Preparing,

    /// <summary>The server has stored that it starts; its first instruction was not executed.</summary>
    IntentStored,

    /// <summary>Its command runs, as the witness tells.</summary>
    Running,

    /// <summary>Its command has ended, and the server was not told.</summary>
    Exited,

    /// <summary>The server was told, and the agent does not know that it was heard.</summary>
    Reported,

    /// <summary>What its workflow had on the machine is being removed.</summary>
    Cleaning,
}

/// <summary>What is killed, always by KILL.</summary>
public enum Victim
{
    /// <summary><c>buildrunner server</c>, the one to which the work's agent speaks.</summary>
    Server,

    /// <summary><c>buildrunner agent</c>, the one that has the work.</summary>
    Agent,

    /// <summary>The process beside the step's container; where there is none, the one that holds the workflow's namespaces.</summary>
    Shim,

    /// <summary>The first process of the step's container; where there is none, of any other of the workflow.</summary>
    Container,

    /// <summary>RabbitMQ.</summary>
    Broker,

    /// <summary>PostgreSQL.</summary>
    Database,
}

/// <summary>The pipeline of a run.</summary>
public enum RunShape
{
    /// <summary>Three steps.</summary>
    Plain,

    /// <summary>Three steps; the second is tried again when it is lost.</summary>
    Retry,

    /// <summary>Three steps and a service beside them.</summary>
    Service,
}

/// <summary>One run, and what is done to it.</summary>
/// <param name="Victim">What is killed.</param>
/// <param name="Phase">When.</param>
/// <param name="Shape">What runs.</param>
/// <param name="First">Whether the phase is the first step's, with the workflow still to be made; otherwise the second's.</param>
/// <param name="Delivered">Whether the message that is on its way in that moment arrives; otherwise it is lost.</param>
/// <param name="Cancelled">Whether somebody cancels the run just before the kill.</param>
/// <param name="Later">Milliseconds between the phase's beginning and the kill, where the phase can be stretched.</param>
public sealed record Fault(Victim Victim, Phase Phase, RunShape Shape, bool First, bool Delivered, bool Cancelled, int Later)
{
    /// <summary>The step that is in that phase.</summary>
    public string Step => First ? "a" : "b";

    /// <summary>New attempts that the pipeline permits to a step.</summary>
    public int Retries(string step) => Shape == RunShape.Retry && step == "b" ? 2 : 0;

    public override string ToString() =>
        $"{Victim} while {Step} is {Phase}+{Later}ms of {Shape}{(Delivered ? "" : ", message lost")}{(Cancelled ? ", cancelled" : "")}";

    /// <summary>What is done next: always a kill of which there were fewest so far, so that no place of the table stays empty.</summary>
    /// <param name="random">Decides between equals, and everything else about it.</param>
    /// <param name="kills">How often each victim was killed in each phase.</param>
    /// <param name="withServices">Whether broker and database are processes of their own.</param>
    public static Fault Next(Random random, IReadOnlyDictionary<(Victim Victim, Phase Phase), int> kills, bool withServices)
    {
        var cells = (from victim in VictimsOf(withServices) from phase in Enum.GetValues<Phase>() select (victim, phase)).ToArray();
        random.Shuffle(cells);
        var (next, when) = cells.MinBy(c => kills.GetValueOrDefault(c));
        return Of(random, next, when);
    }

    /// <summary>Everything that can be killed in an installation.</summary>
    public static IReadOnlyList<Victim> VictimsOf(bool withServices) => withServices ? Enum.GetValues<Victim>() : [Victim.Server, Victim.Agent, Victim.Shim, Victim.Container];

    private static Fault Of(Random random, Victim victim, Phase phase)
    {
        // Before the workflow was made it has no processes that could be killed, and its end comes after the last step.
        var first = random.Next(3) == 0 && victim is not (Victim.Shim or Victim.Container) && phase is not Phase.Cleaning;
        return new Fault(
            victim,
            phase,
            (RunShape)random.Next(3),
            first,
            Delivered: random.Next(2) == 0,
            Cancelled: random.Next(8) == 0 && phase is not Phase.Cleaning,
            Later: random.Next(120));
    }
}
