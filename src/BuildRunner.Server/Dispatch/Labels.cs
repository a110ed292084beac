using System.Text.Json;

namespace BuildRunner.Server.Dispatch;

/// <summary>Labels that work asks for and agents have. Pure.</summary>
internal static class Labels
{
    private const char Must = '!';
    private const string Strangers = "strangers";
    private const int MaxFact = 200;

    /// <summary>What of an agent's own statements counts as labels; the rest comes from the server.</summary>
    private static readonly string[] Facts = ["platform", "hostname", "backend", "engine"];

    /// <summary>One text for a set of labels: <c>key=value</c> in order of the keys, one a line. Labels without a value ask for nothing.</summary>
    public static string Canonical(IReadOnlyDictionary<string, string> labels) =>
        string.Join('\n', labels.Where(l => l.Value.Length > 0).OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"));

    /// <summary>Reads what <see cref="Canonical"/> wrote.</summary>
    public static Dictionary<string, string> Parse(string canonical) =>
        canonical.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('=', 2)).ToDictionary(l => l[0], l => l[1], StringComparer.Ordinal);

    /// <summary>What is kept of an agent's statements about itself.</summary>
    public static Dictionary<string, string> FactsOf(IReadOnlyDictionary<string, string> said) =>
        said.Where(f => Facts.Contains(f.Key, StringComparer.Ordinal) && f.Value is { Length: > 0 and <= MaxFact } value && !value.Any(char.IsControl)).ToDictionary(StringComparer.Ordinal);

    /// <summary>The labels of an agent: what the server assigned, and what can be seen of its machine.</summary>
    public static Dictionary<string, string> OfAgent(string assigned, string facts)
    {
        var labels = ReadJson(facts).Where(f => Facts.Contains(f.Key, StringComparer.Ordinal)).ToDictionary(StringComparer.Ordinal);
        foreach (var (key, value) in ReadJson(assigned))
        {
            labels[key] = value;
        }

        return labels;
    }

    /// <summary>Whether an agent may take work. Its value <c>*</c> takes any; a key with <c>!</c> before it takes only work that asks for it.</summary>
    public static bool Fit(IReadOnlyDictionary<string, string> agent, IReadOnlyDictionary<string, string> work) =>
        Missing(agent, work).Count == 0
        && agent.Where(a => a.Key.StartsWith(Must)).All(a => work.TryGetValue(a.Key[1..], out var wanted) && Takes(a.Value, wanted));

    /// <summary>Whether an agent is for strangers' work too. A stranger writes which labels his workflow asks for, so only the agent's own can say no.</summary>
    public static bool TakesStrangers(IReadOnlyDictionary<string, string> agent) => agent.GetValueOrDefault(Strangers) != "never";

    /// <summary>Labels of the work that the agent does not have.</summary>
    public static List<string> Missing(IReadOnlyDictionary<string, string> agent, IReadOnlyDictionary<string, string> work) =>
    [
        .. work.Where(w => !(agent.TryGetValue(w.Key, out var has) || agent.TryGetValue(Must + w.Key, out has)) || !Takes(has, w.Value)).Select(w => $"{w.Key}={w.Value}"),
    ];

    /// <summary>Labels as they are stored.</summary>
    public static string WriteJson(IReadOnlyDictionary<string, string> labels) =>
        JsonSerializer.Serialize(labels.ToDictionary(StringComparer.Ordinal), StoredJson.Default.DictionaryStringString);

    /// <summary>Reads what <see cref="WriteJson"/> wrote.</summary>
    public static Dictionary<string, string> ReadJson(string json) => JsonSerializer.Deserialize(json, StoredJson.Default.DictionaryStringString) ?? [];

    private static bool Takes(string has, string wanted) => has == "*" || has == wanted;
}
