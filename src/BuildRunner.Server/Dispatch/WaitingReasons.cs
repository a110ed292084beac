using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Dispatch;

/// <summary>Why a piece of work waits, as a clause for people. Pure.</summary>
internal static class WaitingReasons
{
    /// <summary>The reason.</summary>
    /// <param name="work">The work.</param>
    /// <param name="ahead">How many are handed out before it to agents that fit both.</param>
    /// <param name="queue">All that is known.</param>
    public static string Of(WaitingWork work, int ahead, QueueFacts queue)
    {
        if (work.NotBefore > queue.Now)
        {
            return $"tries again in {Durations.Text(work.NotBefore - queue.Now)}";
        }

        if (work.Pin is { } pin)
        {
            return OfPinned(queue.Agents.FirstOrDefault(a => a.Id == pin));
        }

        if (queue.PausedBy is { } who)
        {
            return $"the queue is paused by {who}";
        }

        if (work.Group is { } group && queue.Held.GetValueOrDefault(group) >= work.GroupLimit)
        {
            return $"waits for concurrency group '{group[(group.IndexOf('/', StringComparison.Ordinal) + 1)..]}', in which {work.GroupLimit} may run at once";
        }

        return WhyNobody(work, queue) ?? (ahead > 0 ? $"{ahead} ahead" : "next, as soon as a slot is free");
    }

    private static string OfPinned(AgentFacts? agent) => agent switch
    {
        null => "its agent was removed",
        { Online: false } => $"agent '{agent.Name}', where its workspace is, does not answer",
        _ => $"waits for a free slot on agent '{agent.Name}', where its workspace is",
    };

    private static string? WhyNobody(WaitingWork work, QueueFacts queue)
    {
        var fitting = queue.Agents.Where(a => Labels.Fit(a.Labels, work.Labels)).ToList();
        if (fitting.Count == 0)
        {
            return queue.Agents.Count == 0 ? "no agent has registered" : WhyNoneFits(work.Labels, queue.Agents);
        }

        var with = work.Labels.Count == 0 ? "" : $" with {Text(work.Labels)}";
        if (fitting.TrueForAll(a => !a.Online))
        {
            return $"no agent{with} is online";
        }

        if (work.Stranger && fitting.TrueForAll(a => !Labels.TakesStrangers(a.Labels)))
        {
            return $"strangers' work is not given to an agent with the label strangers=never, and none without it has {(work.Labels.Count == 0 ? "registered" : Text(work.Labels))}";
        }

        if (work.Stranger && !queue.EmbeddedTakesStrangers && fitting.TrueForAll(a => a.Embedded || !Labels.TakesStrangers(a.Labels)))
        {
            return "strangers' work is not given to an agent in the server's process; register an agent on another machine, or set Agent:TakeStrangers";
        }

        var online = fitting.Where(a => a.Online).ToList();
        if (online.TrueForAll(a => a.Drain))
        {
            return $"every agent{with} is draining";
        }

        return online.Where(a => !a.Drain).ToList() is var open && open.TrueForAll(a => a.Unready is not null) ? $"agent '{open[0].Name}' takes nothing: {open[0].Unready}" : null;
    }

    private static string WhyNoneFits(IReadOnlyDictionary<string, string> labels, IReadOnlyList<AgentFacts> agents)
    {
        var nobody = labels.Where(l => agents.All(a => Labels.Missing(a.Labels, new Dictionary<string, string> { [l.Key] = l.Value }).Count > 0)).ToDictionary();
        return nobody.Count > 0 ? $"no agent with label {Text(nobody)}"
            : labels.Count > 0 ? $"no agent with all of {Text(labels)}, and without a label that it must be asked for"
            : "every agent has a label that it must be asked for";
    }

    private static string Text(IReadOnlyDictionary<string, string> labels) =>
        string.Join(", ", labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => l.Value is "true" ? l.Key : $"{l.Key}={l.Value}"));
}

/// <summary>Work that waits.</summary>
internal sealed record WaitingWork
{
    public required Guid Id { get; init; }

    public required Guid Run { get; init; }

    public required string Repository { get; init; }

    public required int Number { get; init; }

    public required string Workflow { get; init; }

    public required WorkKind Kind { get; init; }

    public required string Step { get; init; }

    public required DateTimeOffset QueuedAt { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required Guid? Pin { get; init; }

    public required bool Stranger { get; init; }

    public required int LabelSet { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public required string? Group { get; init; }

    public required int GroupLimit { get; init; }
}

/// <summary>What decides who waits.</summary>
internal sealed record QueueFacts(
    DateTimeOffset Now, string? PausedBy, IReadOnlyList<AgentFacts> Agents, IReadOnlyDictionary<string, int> Held, bool EmbeddedTakesStrangers);

/// <summary>An agent, as far as the queue goes.</summary>
internal sealed record AgentFacts(Guid Id, string Name, IReadOnlyDictionary<string, string> Labels, bool Online, bool Embedded, bool Drain, string? Unready)
{
    /// <summary>Reads a row.</summary>
    public static AgentFacts Of(AgentRow row, DateTimeOffset now, DispatchOptions options) => new(
        row.Id,
        row.Name,
        Dispatch.Labels.OfAgent(row.Labels, row.Facts),
        row.LastSeen > now - options.Times.Lease,
        row.Embedded,
        row.Drain,
        row.Unready);
}
