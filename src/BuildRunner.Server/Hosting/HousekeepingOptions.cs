namespace BuildRunner.Server.Hosting;

/// <summary>How long things are kept.</summary>
public sealed record HousekeepingOptions
{
    /// <summary>Logs of a run, from its end on.</summary>
    public TimeSpan Logs { get; init; } = TimeSpan.FromDays(90);

    /// <summary>What is remembered of triggers, to know one that comes a second time.</summary>
    public TimeSpan Deliveries { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Between two looks.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromMinutes(10);
}
