using System.Globalization;

namespace BuildRunner.Campaign;

/// <summary>A sequence of rounds by a seed, with an audit after each and at the end.</summary>
public sealed class Campaigner
{
    private readonly Ledger ledger;
    private readonly List<string> problems = [];
    private readonly HashSet<string> seen = new(StringComparer.Ordinal);
    private readonly Action<string> say;

    private Campaigner(Ledger ledger, Action<string> say) => (this.ledger, this.say) = (ledger, say);

    /// <summary>How often agents renew what they hold in a campaign: long enough for a server that is started anew on a machine with much to do.</summary>
    public static TimeSpan Renew { get; } = TimeSpan.FromSeconds(10);

    /// <summary>What went wrong, a sentence each; empty: every promise was kept.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <summary>Runs one, or goes on with one.</summary>
    /// <param name="installation">Where.</param>
    /// <param name="ledger">What was done before; each round is added.</param>
    /// <param name="faults">Decides what is done next; null: it is over.</param>
    /// <param name="say">Told of each round.</param>
    public static async Task<Campaigner> RunAsync(Installation installation, Ledger ledger, Func<Fault?> faults, Action<string> say)
    {
        var campaign = new Campaigner(ledger, say);
        var audit = new Audit(installation);
        HashSet<string> workflows = [];
        var triggers = 0;
        for (; faults() is { } fault; triggers++)
        {
            await campaign.RoundAsync(new Round(installation, audit, workflows, campaign.seen, fault), fault, installation);
        }

        var found = campaign.Add("at the end", [.. await audit.ChangedAsync(), .. await CountAsync(installation, triggers), .. Remains.Secrets(installation)]);
        ledger.Add(new Entry(null, null, "", 0, found, Restarts(installation)));
        return campaign;
    }

    private async Task RoundAsync(Round round, Fault fault, Installation installation)
    {
        // A broker or database that was killed is started again by its own unit, while the run goes on.
        var began = TimeProvider.System.GetTimestamp();
        Task Restored() => fault.Victim switch
        {
            Victim.Broker => installation.Broker!.RestartAsync(),
            Victim.Database => installation.Database!.RestartAsync(),
            _ => Task.CompletedTask,
        };
        round.OnKilled = Restored;
        var found = await round.RunAsync();
        var took = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        say(string.Create(CultureInfo.InvariantCulture, $"{round} ({took:0.0} s)"));
        ledger.Add(new Entry(fault, round.Killed, round.State, took, Add(round.ToString(), found), new Dictionary<string, int>()));
    }

    // What one fault has left is one problem, however often it is seen afterwards.
    private List<string> Add(string where, IReadOnlyList<string> found)
    {
        List<string> fresh = [.. found.Where(seen.Add)];
        problems.AddRange(fresh.Select(p => $"{where}: {p}"));
        fresh.ForEach(p => say($"  WRONG {p}"));
        return fresh;
    }

    // Promise G1: a trigger that was accepted is one run, no more and no less.
    private static async Task<IReadOnlyList<string>> CountAsync(Installation installation, int triggers)
    {
        using var runs = await installation.Api.GetAsync("runs?limit=1&repo=" + Installation.Repository);
        var last = runs.RootElement.GetProperty("items").EnumerateArray().Select(r => r.GetProperty("number").GetInt32()).FirstOrDefault();
        return last == triggers ? [] : [$"{triggers} triggers were accepted, and there are {last} runs"];
    }

    private static Dictionary<string, int> Restarts(Installation installation) =>
        installation.Servers.Concat(installation.Agents.Select(a => a.Process)).ToDictionary(p => p.Name, p => p.Restarts);
}
