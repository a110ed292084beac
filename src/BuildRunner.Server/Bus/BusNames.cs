namespace BuildRunner.Server.Bus;

/// <summary>What things are called on the bus, and who is on it.</summary>
/// <param name="Prefix">Before every name, so that several installations can share a broker.</param>
/// <param name="Alone">True: there is no other server on it.</param>
public sealed record BusNames(string Prefix, bool Alone)
{
    /// <summary>The queue from which servers take <see cref="Core.Messages.StepQueued"/>, one message one server.</summary>
    public string Steps => $"{Prefix}.steps";

    /// <summary>The queue of this server alone, which goes with it.</summary>
    public string Own { get; } = $"{Prefix}.server-{Guid.NewGuid():N}";

    /// <summary>Where to send to. The exchange, not the queue: the sender must not say what kind of queue it is.</summary>
    internal Uri StepsAddress => new($"exchange:{Steps}");
}
