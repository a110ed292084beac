using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Telemetry;

/// <summary>A run as a trace. Its id is the run's, so steps can be told of it before anything of it is measured (<c>TRACEPARENT</c>).</summary>
internal static class RunSpans
{
    /// <summary>The value of <c>TRACEPARENT</c> for a step: what it measures itself belongs to the run's trace.</summary>
    public static string TraceParent(Guid run, string workflow, string step, int attempt) => $"00-{run:N}-{Convert.ToHexStringLower(Id($"{workflow}\n{step}\n{attempt}"))}-01";

    /// <summary>Tells a run that has ended to whoever listens.</summary>
    public static void Tell(RunRow row, RunState state)
    {
        if (!ServerMeter.Source.HasListeners() || row.EndedAt is not { } ended)
        {
            return;
        }

        var parent = new ActivityContext(ActivityTraceId.CreateFromString($"{row.Id:N}"), ActivitySpanId.CreateFromBytes(Id("run")), ActivityTraceFlags.Recorded);
        using var run = ServerMeter.Source.StartActivity("RUN", ActivityKind.Server, parent, startTime: row.CreatedAt);
        if (run is null)
        {
            return;
        }

        run.SetTag("cicd.pipeline.run.id", row.Id.ToString("N")).SetTag("cicd.pipeline.result", ServerMeter.Result(row.Outcome!)).SetTag("vcs.ref.head.revision", row.Commit);
        foreach (var (workflow, step) in state.Workflows.SelectMany(w => w.Steps.Select(s => (w.Name, s))))
        {
            foreach (var attempt in step.Attempts.Where(a => a.QueuedAt >= state.CreatedAt))
            {
                using var span = ServerMeter.Source.StartActivity($"{workflow}/{step.Name}", ActivityKind.Internal, run.Context, startTime: attempt.EndedAt - attempt.Phases.Run);
                span?.SetTag("cicd.pipeline.task.name", step.Name)
                    .SetTag("cicd.pipeline.task.run.id", $"{row.Id:N}/{workflow}/{step.Name}/{attempt.Number}")
                    .SetTag("cicd.pipeline.task.run.result", ServerMeter.Result(attempt.Outcome.Word))
                    .SetStatus(attempt.Outcome is Outcome.Success ? ActivityStatusCode.Ok : ActivityStatusCode.Error)
                    .SetEndTime(attempt.EndedAt.UtcDateTime);
            }
        }

        run.SetStatus(row.Outcome == "success" ? ActivityStatusCode.Ok : ActivityStatusCode.Error).SetEndTime(ended.UtcDateTime);
    }

    private static ReadOnlySpan<byte> Id(string name) => SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 8);
}
