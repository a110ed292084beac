using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Telemetry;

/// <summary>Measures runs once they have ended, at the server that stored their end, and tells them as spans. Where nobody listens it does nothing.</summary>
internal sealed partial class RunTelemetry(Database database, ILogger<RunTelemetry> logger) : BackgroundService
{
    private readonly Channel<Guid> changed = Channel.CreateBounded<Guid>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        database.Committed += Take;
        try
        {
            await foreach (var run in changed.Reader.ReadAllAsync(stoppingToken))
            {
                await MeasureAsync(run, stoppingToken);
            }
        }
        finally
        {
            database.Committed -= Take;
        }
    }

    private static bool IsWatched => ServerMeter.RunDuration.Enabled || ServerMeter.Source.HasListeners();

    private void Take(IReadOnlyList<Bell> bells)
    {
        if (!IsWatched)
        {
            return;
        }

        foreach (var run in bells.OfType<Bell.Changed>().Select(b => b.Run).Distinct())
        {
            changed.Writer.TryWrite(run);
        }
    }

    private async Task MeasureAsync(Guid run, CancellationToken stopping)
    {
        try
        {
            var row = await database.ReadAsync(db => db.Runs.SingleOrDefaultAsync(r => r.Id == run && r.Stage == RunStage.Ended, stopping), stopping);
            if (row is { State: { } json, Outcome: { } outcome } && JsonSerializer.Deserialize(json, RunJson.Default.RunState) is { } state)
            {
                Measure(row, state, ServerMeter.Result(outcome));
                RunSpans.Tell(row, state);
            }
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            // A run that is not measured is no reason for anything else to stop.
            LogFailed(logger, e);
        }
    }

    private static void Measure(RunRow row, RunState state, string result)
    {
        if (row.StartedAt is { } started && row.EndedAt is { } ended)
        {
            ServerMeter.RunDuration.Record((started - row.CreatedAt).TotalSeconds, new TagList { { "cicd.pipeline.run.state", "pending" } });
            ServerMeter.RunDuration.Record((ended - started).TotalSeconds, new TagList { { "cicd.pipeline.run.state", "executing" }, { "cicd.pipeline.result", result } });
        }

        if (result == "error")
        {
            ServerMeter.RunErrors.Add(1, new TagList { { "error.type", row.Outcome } });
        }

        // Of a rerun only what was done again: the rest was measured before.
        foreach (var attempt in state.Workflows.SelectMany(w => w.Steps).SelectMany(s => s.Attempts).Where(a => a.QueuedAt >= state.CreatedAt))
        {
            var of = ServerMeter.Result(attempt.Outcome.Word);
            Record("queue", attempt.Phases.Queue, of);
            Record("pull", attempt.Phases.Pull, of);
            Record("create", attempt.Phases.Create, of);
            Record("run", attempt.Phases.Run, of);
            if (attempt.Outcome is Outcome.Lost)
            {
                ServerMeter.StepLost.Add(1);
            }
        }
    }

    private static void Record(string phase, TimeSpan time, string result) =>
        ServerMeter.StepPhase.Record(time.TotalSeconds, new TagList { { "phase", phase }, { "result", result } });

    [LoggerMessage(3130, LogLevel.Warning, "a run could not be measured")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
