namespace BuildRunner.Agent;

/// <summary>How an agent is, for whoever watches its process.</summary>
public sealed class AgentHealth
{
    private volatile Func<AgentLook>? look;

    /// <summary>How it is now.</summary>
    public AgentLook Look() => look?.Invoke() ?? new AgentLook(Works: false, "it has not greeted its server yet", 0, 0);

    internal void Is(Func<AgentLook> told) => look = told;
}

/// <summary>One look at an agent.</summary>
/// <param name="Works">False: it can do nothing now. One that only takes nothing new works.</param>
/// <param name="Why">Why it takes nothing new, as a clause; null: it takes what comes.</param>
/// <param name="Running">Steps in hand.</param>
/// <param name="Slots">Steps that it runs at once.</param>
public sealed record AgentLook(bool Works, string? Why, int Running, int Slots);
