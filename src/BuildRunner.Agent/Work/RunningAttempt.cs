using System.Collections.Immutable;
using System.Text.Json;
using BuildRunner.Agent.Output;
using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Work;

/// <summary>What an attempt says to the server: the intent before it starts, its log, and its one end.</summary>
/// <remarks>What the server has not been told when this process ends is in the journal, and is told by the next one.</remarks>
internal sealed class RunningAttempt(AgentParts parts, WorkInHand held, WorkTask.Step step, LogFile log, Task shipped)
{
    private bool started;
    private Task tests = Task.CompletedTask;

    /// <summary>Where its output goes.</summary>
    public LogFile Log => log;

    /// <summary>The attempt, for the executor.</summary>
    public StepAttempt ToRun(WorkItem item, TimeProvider time) => new(
        step.Plan,
        step.Attempt,
        time.GetUtcNow() - step.Waited,
        null,
        step.Status,
        step.Outputs.ToDictionary(o => o.Key, o => o.Value.ToImmutableDictionary(StringComparer.Ordinal), StringComparer.Ordinal))
    {
        PinnedDigest = step.PinnedDigest,
        Source = step.Source,
        Stranger = step.Grants.Stranger,
        Repository = item.RunName,
    };

    /// <summary>Stores the intent at the server (promise G2).</summary>
    /// <returns>Null: it may start; otherwise why not.</returns>
    public async Task<string?> IntendAsync(string? image)
    {
        using var given = CancellationTokenSource.CreateLinkedTokenSource(held.Kill, held.Gone, parts.Leaving);
        try
        {
            var request = new IntentRequest { Fence = held.Fence, Image = image, Digest = DigestOf(image) };
            if (await parts.Client.IntentAsync(held.Id, request, given.Token) is { } refusal)
            {
                if (refusal.Code == AgentProblems.Stale)
                {
                    held.GiveUp();
                }

                return refusal.Why;
            }
        }
        catch (OperationCanceledException)
        {
            return "the server did not answer in time";
        }

        // The answer may have been long on its way. Nothing starts on a lease that is over.
        if (parts.Lease.IsOver || held.Kill.IsCancellationRequested)
        {
            held.KillNow();
            return "the lease was over before it could start";
        }

        parts.Journal.Started(held.Id, image);
        started = true;
        return null;
    }

    /// <summary>Begins to bring to the server what its test reports say; its end is told after that.</summary>
    public void Tell(TestReport report)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(report, AgentContractJson.Default.TestReport);
        while (bytes.Length > TestReport.MaxBytes && report.Cases.Count > 0)
        {
            report = report with { Cases = [.. report.Cases.Take(report.Cases.Count / 2)] };
            bytes = JsonSerializer.SerializeToUtf8Bytes(report, AgentContractJson.Default.TestReport);
        }

        var file = LogFile.Create(parts.Journal.LogOf(held.Id, LogStreams.Tests));
        var frame = new LogFrame(Core.Logs.LogStream.Out, parts.Time.GetUtcNow(), Unterminated: false, bytes);
        var framed = new byte[frame.Size];
        frame.Write(framed);
        file.Append(framed);
        file.Complete();
        tests = parts.Shipping.Ship(held.Id, held.Fence, LogStreams.Tests, file);
    }

    /// <summary>Brings the log to its end, then tells the attempt's.</summary>
    /// <param name="report">How it ended.</param>
    /// <param name="record">What the engine has kept for a crash, which is not needed once the journal and the log have it all.</param>
    public async Task EndAsync(StepReport report, string record)
    {
        if (!started && held.Kill.IsCancellationRequested)
        {
            log.Complete();
            await GiveBackAsync();
            return;
        }

        var result = new ResultRequest { Fence = held.Fence, Result = new WorkResult.Ended(report) };
        parts.Journal.Ended(held.Id, result);
        log.Complete();
        TreeRemoval.Remove(record);
        await Task.WhenAll(shipped, tests);
        if (!held.Gone.IsCancellationRequested)
        {
            await TellAsync(result);
        }

        parts.Journal.Forget(held.Id);
    }

    // It was never started. If the intent is stored already nobody but us can know that, and a server that does not believe it takes it for lost.
    private async Task GiveBackAsync()
    {
        if (!held.Gone.IsCancellationRequested)
        {
            var request = new ReturnRequest { Fence = held.Fence, Why = "its agent had to give it back before it was started", NothingRan = true };
            if (await parts.Client.ReturnAsync(held.Id, request, parts.Leaving) is { Code: AgentProblems.Ended })
            {
                var report = new StepReport { Outcome = new Outcome.Lost("its agent could not reach the server in time, and ended it before its first instruction") };
                await TellAsync(new ResultRequest { Fence = held.Fence, Result = new WorkResult.Ended(report) });
            }
        }

        await shipped;
        parts.Journal.Forget(held.Id);
    }

    private async Task TellAsync(ResultRequest result)
    {
        held.IsTelling = true;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(held.Gone, parts.Leaving);
        try
        {
            await parts.Client.ResultAsync(held.Id, result, either.Token);
        }
        catch (OperationCanceledException) when (!parts.Leaving.IsCancellationRequested)
        {
            // Given away meanwhile: the first outcome stands, and it is not this one.
        }
    }

    private static string? DigestOf(string? image) =>
        image?.LastIndexOf('@') is { } at and >= 0 && Digest.TryParse(image[(at + 1)..], out var digest) ? digest.ToString() : null;
}
