using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Campaign;

/// <summary>The rounds of a campaign so far, in a file to which each is added when it is over: a campaign can be run in pieces, and goes on where it was.</summary>
public sealed class Ledger
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };

    private readonly List<Entry> entries;
    private readonly string? path;

    private Ledger(string? path, List<Entry> entries) => (this.path, this.entries) = (path, entries);

    /// <summary>How often each victim was killed in each phase.</summary>
    public IReadOnlyDictionary<(Victim Victim, Phase Phase), int> Kills =>
        entries.Where(e => e is { Fault: not null, Killed: not null }).CountBy(e => (e.Fault!.Victim, e.Fault.Phase)).ToDictionary();

    /// <summary>How many rounds there were.</summary>
    public int Rounds => entries.Count(e => e.Fault is not null);

    /// <summary>How many things went wrong.</summary>
    public int Problems => entries.Sum(e => e.Problems.Count);

    /// <summary>One that is kept in memory only.</summary>
    public static Ledger New() => new(null, []);

    /// <summary>Reads one, or begins it.</summary>
    /// <param name="path">A file with an entry a line.</param>
    public static Ledger Open(string path) =>
        new(path, File.Exists(path) ? [.. File.ReadLines(path).Where(l => l.Length > 0).Select(l => JsonSerializer.Deserialize<Entry>(l, Format)!)] : []);

    /// <summary>Adds an entry.</summary>
    public void Add(Entry entry)
    {
        entries.Add(entry);
        if (path is not null)
        {
            File.AppendAllText(path, JsonSerializer.Serialize(entry, Format) + "\n");
        }
    }

    /// <summary>The whole campaign as a table.</summary>
    /// <param name="withServices">Whether broker and database are processes of their own.</param>
    public string Report(bool withServices)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{"kills",-12}{string.Concat(Enum.GetValues<Phase>().Select(p => $"{p,14}"))}");
        foreach (var victim in Fault.VictimsOf(withServices))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{victim,-12}{string.Concat(Enum.GetValues<Phase>().Select(p => $"{Kills.GetValueOrDefault((victim, p)),14}"))}");
        }

        var rounds = entries.Where(e => e.Fault is not null).ToList();
        text.AppendLine(CultureInfo.InvariantCulture, $"{rounds.Count} runs by outcome: {Counts(rounds.Select(r => r.State))}; {rounds.Count(r => r.Killed is null)} rounds without a kill");
        text.AppendLine(CultureInfo.InvariantCulture, $"restarts: {string.Join(", ", entries.SelectMany(e => e.Restarts).GroupBy(r => r.Key).Select(r => $"{r.Key} {r.Sum(n => n.Value)}"))}");
        foreach (var entry in entries)
        {
            entry.Problems.ToList().ForEach(p => text.AppendLine(CultureInfo.InvariantCulture, $"WRONG {(entry.Fault is { } fault ? fault : "at the end of a piece")}: {p}"));
        }

        text.Append(CultureInfo.InvariantCulture, $"{rounds.Sum(r => r.Seconds) / 60:0.0} min in {entries.Count - rounds.Count} pieces; {Problems} problems");
        return text.ToString();
    }

    private static string Counts(IEnumerable<string> words) => string.Join(", ", words.CountBy(w => w).OrderByDescending(w => w.Value).Select(w => $"{w.Value} {w.Key}"));
}

/// <summary>A round, or the end of a piece of a campaign.</summary>
/// <param name="Fault">What was to be done; null: a piece has ended.</param>
/// <param name="Killed">What was killed.</param>
/// <param name="State">How the run ended.</param>
/// <param name="Seconds">How long the round took.</param>
/// <param name="Problems">What was wrong, a sentence each.</param>
/// <param name="Restarts">At the end of a piece: how often each process was started again.</param>
public sealed record Entry(Fault? Fault, string? Killed, string State, double Seconds, IReadOnlyList<string> Problems, IReadOnlyDictionary<string, int> Restarts);
