using System.Globalization;
using System.Text.Json;

namespace BuildRunner.Campaign;

/// <summary>Compares what BuildRunner says of a run with what the witness knows.</summary>
/// <param name="installation">Where it ran.</param>
public sealed class Audit(Installation installation)
{
    private const string Path = "repos/" + Installation.Repository + "/runs/";

    private static readonly string[] Cancelled = ["cancelled"];
    private readonly Dictionary<int, string> terminal = [];

    /// <summary>Everything that is wrong about a run that has ended, a sentence each.</summary>
    /// <param name="number">The run's number.</param>
    /// <param name="fault">What was to be done to it.</param>
    /// <param name="killed">Whether something was killed.</param>
    /// <param name="outage">How long servers were not ready, or did not answer an agent's heartbeats.</param>
    /// <param name="cancelledAt">When its cancel was acknowledged, by the witness' clock; null: it was not cancelled.</param>
    public async Task<IReadOnlyList<string>> RunAsync(int number, Fault fault, bool killed, TimeSpan outage, double? cancelledAt)
    {
        using var run = await installation.Api.GetAsync(Path + number);
        var problems = new List<string>();
        var state = Runs.StateOf(run.RootElement);
        var expected = killed || cancelledAt is not null ? Expectations.Of(fault with { Cancelled = cancelledAt is not null }) : ["success"];
        var testimonies = installation.Witness.Of(number);
        if (cancelledAt is { } at && testimonies.Where(t => t.IsStart).Select(t => t.Step).Distinct().Count() == Installation.Steps.Count && testimonies.All(t => !t.IsStart || t.At < at))
        {
            // A cancel that comes when nothing is left to be started may change nothing (decision 204). Then no step says that it was cancelled, and what ended the last one ended the run;
            // only what becomes of a service can end it besides.
            var ends = EndsOf(run.RootElement);
            var without = Expectations.Of(fault with { Cancelled = false }).Append("success");
            expected = ends.Contains("cancelled") ? Cancelled : [.. fault.Shape == RunShape.Service ? without : without.Intersect([ends[^1]])];
        }

        if (outage > 2 * installation.Renew)
        {
            // It came back so late that the agent had to end what it had (promise G5).
            expected = [.. expected, "lost"];
        }

        if (!expected.Contains(state))
        {
            problems.Add($"run {number} ended '{state}' ({ReasonsOf(run.RootElement)}), and should have ended {string.Join(" or ", expected)}");
        }

        terminal[number] = WordsOf(run.RootElement);
        foreach (var step in run.RootElement.GetProperty("workflows").EnumerateArray().SelectMany(w => w.GetProperty("steps").EnumerateArray()))
        {
            await StepAsync(number, step, fault.Retries(Text(step, "name")), testimonies, cancelledAt, problems);
        }

        return problems;
    }

    /// <summary>Runs whose end is not any more what it was.</summary>
    public async Task<IReadOnlyList<string>> ChangedAsync()
    {
        var problems = new List<string>();
        foreach (var (number, words) in terminal)
        {
            using var run = await installation.Api.GetAsync(Path + number);
            if (WordsOf(run.RootElement) is var now && now != words)
            {
                problems.Add($"run {number} had ended as '{words}' and is now '{now}'");
            }
        }

        return problems;
    }

    private async Task StepAsync(int number, JsonElement step, int retries, IReadOnlyList<Testimony> all, double? cancelledAt, List<string> problems)
    {
        var name = Text(step, "name");
        var said = all.Where(t => t.Step == name).ToList();
        if (said.Count(t => t.IsStart) > 1 + retries)
        {
            problems.Add($"step {name} of run {number} was started {said.Count(t => t.IsStart)} times, and may be {1 + retries} times");
        }

        foreach (var attempt in step.GetProperty("attempts").EnumerateArray())
        {
            var which = attempt.GetProperty("number").GetInt32();
            await AttemptAsync(number, name, which, attempt, [.. said.Where(t => t.Attempt == which)], problems);
        }

        var known = step.GetProperty("attempts").EnumerateArray().Select(a => a.GetProperty("number").GetInt32()).ToHashSet();
        problems.AddRange(said.Where(t => t.IsStart && !known.Contains(t.Attempt)).Select(t => $"attempt {t.Attempt} of step {name} of run {number} ran, and nobody knows of it"));

        // What had announced its start when the cancel came may still have begun; everything else may not.
        problems.AddRange(said.Where(t => t.IsStart && t.At > cancelledAt + 0.02 && !Announced(step, t, cancelledAt!.Value))
            .Select(t => string.Create(CultureInfo.InvariantCulture, $"step {name} of run {number} started {t.At - cancelledAt:0.00} s after the run's cancel was acknowledged")));
    }

    private async Task AttemptAsync(int number, string step, int which, JsonElement attempt, List<Testimony> said, List<string> problems)
    {
        var (starts, ends) = (said.Where(t => t.IsStart).ToList(), said.Where(t => !t.IsStart).ToList());
        var state = Text(attempt, "state");
        var me = $"attempt {which} of step {step} of run {number}";
        if (starts.Count > 1)
        {
            problems.Add($"{me} was started {starts.Count} times");
        }

        if (state == "success" && (starts.Count != 1 || ends.Count != 1))
        {
            problems.Add($"{me} counts as success, and the witness saw {starts.Count} starts and {ends.Count} ends");
        }

        if (starts.Count > 0 && !attempt.TryGetProperty("startedAt", out _))
        {
            problems.Add($"{me} ran, and BuildRunner says it was never started ({state})");
        }

        problems.AddRange(ends.Where(e => e.How != "well").Select(e => $"{me} did not find in its workspace what the step before it had left"));
        if (starts is [var start])
        {
            await LogAsync(number, step, which, start.Nonce, me, problems);
        }
    }

    // What the witness has, the step had printed before; at most one more line can be on the way.
    private async Task LogAsync(int number, string step, int which, string nonce, string me, List<string> problems)
    {
        var printed = installation.Witness.Printed(nonce);
        var log = (await installation.Api.TextAsync(string.Create(CultureInfo.InvariantCulture, $"{Path}{number}/log?step={step}&try={which}"))).Split('\n');
        var stored = log.Where(l => l.StartsWith(nonce, StringComparison.Ordinal)).ToList();
        if (!stored.Take(printed.Length).SequenceEqual(printed) || stored.Count > printed.Length + 1)
        {
            var told = log.Any(l => l.Contains("not kept", StringComparison.Ordinal));
            if (!told)
            {
                problems.Add($"{me} printed {printed.Length} lines, of which its log has {stored.Count}, and it does not say that some are missing");
            }
        }

        if (log.Any(l => l.Contains(installation.Canary, StringComparison.Ordinal)))
        {
            problems.Add($"the log of {me} shows the secret");
        }
    }

    private static bool Announced(JsonElement step, Testimony start, double cancelledAt)
    {
        var boot = TimeProvider.System.GetUtcNow().AddSeconds(-Witness.Now);
        return step.GetProperty("attempts").EnumerateArray().Any(a =>
            a.GetProperty("number").GetInt32() == start.Attempt && a.TryGetProperty("startedAt", out var at) && at.GetDateTimeOffset() <= boot.AddSeconds(cancelledAt + 0.02));
    }

    private static string WordsOf(JsonElement run) => string.Join(
        ' ',
        run.GetProperty("workflows").EnumerateArray().SelectMany(w => w.GetProperty("steps").EnumerateArray())
            .Select(s => $"{Text(s, "name")}={string.Join(',', s.GetProperty("attempts").EnumerateArray().Select(a => Text(a, "state")))}").Prepend(Runs.StateOf(run)));

    private static List<string> EndsOf(JsonElement run) =>
        [.. run.GetProperty("workflows").EnumerateArray().SelectMany(w => w.GetProperty("steps").EnumerateArray()).Select(s => Text(s, "state"))];

    private static string ReasonsOf(JsonElement run) => string.Join(
        "; ",
        run.GetProperty("workflows").EnumerateArray().SelectMany(w => w.GetProperty("steps").EnumerateArray().Prepend(w))
            .Where(s => s.TryGetProperty("reason", out _)).Select(s => $"{Text(s, "name")}: {Text(s, "state")}, {Text(s, "reason")}"));

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? "";
}
