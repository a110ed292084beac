using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Logs;
using Microsoft.Extensions.Caching.Memory;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>What steps' test reports say, as their agents sent it: read once for each step that has ended. What comes from an agent is no better than what its steps wrote.</summary>
internal sealed class TestResults(LogReader logs) : IDisposable
{
    private const int MaxPath = 1000;
    private const int MaxText = 4000;
    private const int MaxTitle = 200;

    // More than a reader looks at; the rest is counted.
    private const int MaxMarks = 50;
    private readonly MemoryCache kept = new(new MemoryCacheOptions { SizeLimit = 500 });

    /// <summary>The report of a step that has ended; null: it sent none.</summary>
    public async Task<TestReport?> OfAsync(Guid run, Guid work, CancellationToken cancellationToken)
    {
        var key = new LogKey(run, work, LogStreams.Tests);
        if (kept.TryGetValue(key, out TestReport? known))
        {
            return known;
        }

        TestReport? report = null;
        await foreach (var (frame, _) in logs.ReadAsync(key, 0, follow: false, cancellationToken))
        {
            report = Read(frame.Text.Span);
            break;
        }

        if (report is null)
        {
            // It may still be on its way: an agent that was killed brings it later.
            return null;
        }

        using var entry = kept.CreateEntry(key);
        entry.Size = 1;
        entry.SlidingExpiration = TimeSpan.FromMinutes(30);
        entry.Value = report;
        return report;
    }

    /// <summary>Marks at the lines where tests failed, as far as the report tells them.</summary>
    public static IEnumerable<CheckAnnotation> MarksOf(TestReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return report.Cases.Where(c => c.File is not null).Take(MaxMarks).Select(c => new CheckAnnotation(c.File!, c.Line, c.Line, AnnotationLevel.Failure, c.Message, Cut(c.Name, MaxTitle)));
    }

    /// <summary>Lets go of all.</summary>
    public void Dispose() => kept.Dispose();

    private static TestReport? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, AgentContractJson.Default.TestReport) is { } told
                ? told with
                {
                    Tests = Math.Max(0, told.Tests),
                    Failed = Math.Max(0, told.Failed),
                    Skipped = Math.Max(0, told.Skipped),
                    Cases = [.. (told.Cases ?? []).Take(TestReport.MaxCases).Where(c => c is { Name: not null, Message: not null }).Select(Checked)],
                    Problems = [],
                }
                : null;
        }
        catch (JsonException)
        {
            // What an agent of another making sent; the step's end counts without it.
            return null;
        }
    }

    private static TestCase Checked(TestCase told) => new(
        Cut(told.Name, MaxTitle),
        told.File is { Length: <= MaxPath } file ? CompilerMarks.Relative(file, root: null) : null,
        Math.Max(1, told.Line),
        told.Message.Length == 0 ? "it failed" : Cut(told.Message, MaxText));

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..length];
}
