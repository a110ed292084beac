using System.Collections.Immutable;
using BuildRunner.Agent.Output;
using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Work;

/// <summary>A piece of work that an earlier process has left: how it ended, and what it wrote.</summary>
/// <param name="parts">The agent.</param>
/// <param name="work">What the journal knows of it.</param>
/// <param name="secrets">What has to be masked; null: that is not known any more, and nothing that is not masked yet may be shown.</param>
internal sealed class LeftWork(AgentParts parts, JournaledWork work, IReadOnlyList<string>? secrets)
{
    private const string CutOff = "the agent's process ended here: what was written after this is not kept";
    private readonly List<(string Stream, LogFile File)> logs = [];

    /// <summary>Nobody can know how it ended.</summary>
    public static StepReport Lost { get; } = new() { Outcome = new Outcome.Lost("its agent's process ended while it ran, and it was ended with it") };

    private JournalEntry Entry => work.Entry;

    private ContainerRecords Records => new(parts.Folder.Containers(Entry.Start), parts.Hello.Logs.MaxPerStep, parts.Folder.Seal);

    /// <summary>How the attempt ended: as its shim has written down, if it had ended before its agent.</summary>
    public async Task<StepReport> ReportAsync(CancellationToken stop)
    {
        if (Entry.Step is not { } step || await ContainerRecord.WaitAsync(Records.PathOf(service: false, step, Entry.Attempt), stop) is not { } end)
        {
            return Lost with { Image = work.Image };
        }

        return end switch
        {
            RecordedEnd.Exited(var exit) => new StepReport { Outcome = StepExecutor.OutcomeOf(exit), Image = work.Image, Outputs = OutputsOf(step) },
            RecordedEnd.NotStarted(var failure) => new StepReport { Outcome = new Outcome.Error(StepErrors.WordOf(failure), failure.Message), Image = work.Image },
            _ => Lost with { Image = work.Image },
        };
    }

    /// <summary>Brings its logs to their end: with all that its shim has kept, or with a word about what is missing.</summary>
    public async Task FinishLogsAsync(CancellationToken stop)
    {
        foreach (var stream in parts.Journal.LogsOf(Entry.Work).ToList())
        {
            var path = parts.Journal.LogOf(Entry.Work, stream);
            var log = LogFile.Reopen(path);
            if (log.Digest is null && stream == LogStreams.Tests)
            {
                // Its beginning says nothing.
                log.Delete();
                log.Dispose();
                continue;
            }

            if (log.Digest is null)
            {
                log = await WholeAsync(log, path, RecordOf(stream), stop);
            }

            logs.Add((stream, log));
        }
    }

    /// <summary>Uploads its logs.</summary>
    public async Task ShipAsync()
    {
        await Task.WhenAll(logs.Select(l => parts.Shipping.Ship(Entry.Work, Entry.Fence, l.Stream, l.File)));
        logs.Clear();
    }

    /// <summary>All has been said.</summary>
    public void Forget() => parts.Journal.Forget(Entry.Work);

    // The record has everything from the first byte on, so the log is written anew: the same frames, and those that were not written yet.
    private async Task<LogFile> WholeAsync(LogFile log, string path, string? record, CancellationToken stop)
    {
        if (record is null || secrets is null || !ContainerRecord.HasOutput(record) || Records.KeyOf(record) is not { } key)
        {
            using var end = new FrameLog(log, Masker.None, parts.Hello.Logs, parts.Time);
            await end.SayAsync(CutOff, stop);
            log.Complete();
            return log;
        }

        log.Dispose();
        log = LogFile.Create(path);
        using var writer = new FrameLog(log, new Masker(secrets), parts.Hello.Logs, parts.Time);
        var whole = await ContainerRecord.DeliverAsync(record, key, writer, stop);
        await writer.EndAsync(stop);
        await writer.SayAsync(whole ? "the agent's process was ended and started anew; this log is complete up to the end of the container" : CutOff, stop);
        log.Complete();
        return log;
    }

    private string? RecordOf(string stream)
    {
        if (Entry.Step is { } step)
        {
            return Records.PathOf(service: false, step, Entry.Attempt);
        }

        return Directory.Exists(Records.Directory)
            ? Directory.GetDirectories(Records.Directory, "service-*").FirstOrDefault(d => LogStreams.Service(StreamName.Of(ContainerRecords.NameOf(d))) == stream)
            : null;
    }

    private ImmutableDictionary<string, string> OutputsOf(string step)
    {
        try
        {
            using var file = OutputsFile.OfEarlier(Records.OutputsOf(step, Entry.Attempt));
            return secrets is null ? ImmutableDictionary<string, string>.Empty : file.Read(new Masker(secrets), []);
        }
        catch (Exception e) when (e is IOException or ContainerException)
        {
            // It wrote none, or such that cannot be used; the log's reader sees that they are not there.
            return ImmutableDictionary<string, string>.Empty;
        }
    }
}
