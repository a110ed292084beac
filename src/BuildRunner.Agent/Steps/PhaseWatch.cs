using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>Measures where the time of an attempt goes.</summary>
internal sealed class PhaseWatch
{
    private readonly TimeProvider time;
    private PhaseTimes phases;
    private long started;

    /// <summary>Begins when the attempt was taken.</summary>
    public PhaseWatch(TimeProvider time, DateTimeOffset queuedAt)
    {
        this.time = time;
        phases = PhaseTimes.Zero with { Queue = NotNegative(time.GetUtcNow() - queuedAt) };
    }

    /// <summary>Waits for the preparation. What was done ahead did not cost the step any time.</summary>
    public async Task<PreparedStep> PrepareAsync(Task<PreparedStep> preparation)
    {
        var begin = time.GetTimestamp();
        var prepared = await preparation;
        var waited = time.GetElapsedTime(begin);
        var create = waited < prepared.Create ? waited : prepared.Create;
        phases = phases with { Pull = waited - create, Create = create };
        return prepared;
    }

    /// <summary>User code may run from here.</summary>
    public void Started() => started = time.GetTimestamp();

    /// <summary>No user code runs any more.</summary>
    public void Ended() => phases = phases with { Run = time.GetElapsedTime(started) };

    public StepReport Report(Outcome outcome, string? image) => new() { Outcome = outcome, Image = image, Phases = phases };

    private static TimeSpan NotNegative(TimeSpan span) => span < TimeSpan.Zero ? TimeSpan.Zero : span;
}
