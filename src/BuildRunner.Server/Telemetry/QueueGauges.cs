using System.Diagnostics.Metrics;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Telemetry;

/// <summary>What can only be counted in the database: queue, slots, agents, runs that go on. Looked at now and then while somebody collects, so that a collector waits for no database.</summary>
internal sealed class QueueGauges(
    Database database, QueueView queue, AgentDesk agents, ServerOptions server, TimeProvider time, ILogger<QueueGauges> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private Numbers last = new([], [], [], [], [], 0);
    private readonly RetryBackoff backoff = new("counting the queue", time, logger);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var meter = ServerMeter.Meter;
        var depth = meter.CreateObservableGauge("buildrunner.queue.depth", () => last.Depth, "{work}", "Pieces of work that wait, by what they ask for");
        meter.CreateObservableGauge("buildrunner.queue.oldest_age", () => last.Oldest, "s", "How long the oldest of them has waited");
        meter.CreateObservableGauge("buildrunner.slots", () => last.Slots, "{slot}", "Slots of agents that are online, by state");
        meter.CreateObservableGauge("cicd.worker.count", () => last.Workers, "{worker}", "Agents by state");
        meter.CreateObservableGauge("cicd.pipeline.run.active", () => last.Active, "{run}", "Runs that go on, by state");
        meter.CreateObservableGauge("buildrunner.disk.free", () => last.DiskFree, "By", "Free space where the server keeps its data");
        meter.CreateObservableGauge("buildrunner.build_info", () => new Measurement<int>(1, new KeyValuePair<string, object?>("version", AgentVersions.Server.ToString(3))), null, "1, with the version");
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            if (depth.Enabled)
            {
                await LookAsync(stoppingToken);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        try
        {
            var (look, known) = (await queue.LookAsync(stopping), await agents.ListAsync(stopping));
            var stages = await database.ReadAsync(
                db => db.Runs.Where(r => r.Stage != RunStage.Ended).GroupBy(r => r.Stage).Select(g => new { g.Key, Count = g.Count() }).ToListAsync(stopping), stopping);
            var now = await database.ReadAsync(database.NowAsync, stopping);
            var sets = look.Entries.GroupBy(e => Labels.Canonical(e.Work.Labels).ReplaceLineEndings(",")).ToList();
            last = new Numbers(
                [.. sets.Select(s => Of(s.Count(), "labels", s.Key))],
                [.. sets.Select(s => Of((now - s.Min(e => e.Work.QueuedAt)).TotalSeconds, "labels", s.Key))],
                SlotsOf(known),
                [.. known.GroupBy(a => a.State == "online" ? a.Running.Count > 0 ? "busy" : "available" : a.State).Select(g => Of(g.Count(), "cicd.worker.state", g.Key))],
                [.. stages.Select(s => Of(s.Count, "cicd.pipeline.run.state", s.Key == RunStage.Running ? "executing" : "pending"))],
                new DriveInfo(server.DataDirectory).AvailableFreeSpace);
            backoff.Worked();
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            // The database may be away; the last numbers stand until the next look.
            await backoff.FailedAsync(e, stopping);
        }
    }

    private static List<Measurement<int>> SlotsOf(List<AgentInfo> known)
    {
        var online = known.Where(a => a.State != "offline").ToList();
        var used = online.Sum(a => a.Running.Count);
        return [Of(used, "state", "used"), Of(Math.Max(0, online.Sum(a => a.Slots) - used), "state", "free")];
    }

    private static Measurement<T> Of<T>(T value, string tag, string text)
        where T : struct => new(value, new KeyValuePair<string, object?>(tag, text));

    private sealed record Numbers(
        List<Measurement<int>> Depth, List<Measurement<double>> Oldest, List<Measurement<int>> Slots, List<Measurement<int>> Workers, List<Measurement<int>> Active, long DiskFree);
}
