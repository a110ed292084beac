using System.Globalization;
using System.Text;

namespace BuildRunner.Campaign;

/// <summary>A sequence of rounds by a seed, with an audit after each and at the end.</summary>
public sealed class Campaigner
{
    private readonly Dictionary<(Victim Victim, Phase Phase), int> kills = [];
    private readonly Dictionary<string, int> outcomes = [];
    private readonly List<string> problems = [];
    private readonly HashSet<string> seen = new(StringComparer.Ordinal);
    private readonly Action<string> say;
    private int missed;

    private Campaigner(Action<string> say) => this.say = say;

    /// <summary>How often agents renew what they hold in a campaign: long enough for a server that is started anew on a machine with much to do.</summary>
    public static TimeSpan Renew { get; } = TimeSpan.FromSeconds(10);

    /// <summary>What went wrong, a sentence each; empty: every promise was kept.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <summary>How often each victim was killed in each phase.</summary>
    public int Kills(Victim victim, Phase phase) => kills.GetValueOrDefault((victim, phase));

    /// <summary>Runs one.</summary>
    /// <param name="installation">Where.</param>
    /// <param name="faults">What is done, in this order.</param>
    /// <param name="say">Told of each round.</param>
    public static async Task<Campaigner> RunAsync(Installation installation, IReadOnlyList<Fault> faults, Action<string> say)
    {
        var campaign = new Campaigner(say);
        var audit = new Audit(installation);
        HashSet<string> workflows = [];
        var began = TimeProvider.System.GetTimestamp();
        foreach (var fault in faults)
        {
            await campaign.RoundAsync(new Round(installation, audit, workflows, campaign.seen, fault), fault, installation);
        }

        campaign.Add("at the end", [.. await audit.ChangedAsync(), .. await CountAsync(installation, faults.Count), .. Remains.Secrets(installation)]);
        say(campaign.Report(installation, TimeProvider.System.GetElapsedTime(began)));
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
        say(string.Create(CultureInfo.InvariantCulture, $"{round} ({TimeProvider.System.GetElapsedTime(began).TotalSeconds:0.0} s)"));
        Add(round.ToString(), found);
        outcomes[round.State] = outcomes.GetValueOrDefault(round.State) + 1;
        if (round.Killed is null)
        {
            missed++;
        }
        else
        {
            kills[(fault.Victim, fault.Phase)] = Kills(fault.Victim, fault.Phase) + 1;
        }
    }

    // What one fault has left is one problem, however often it is seen afterwards.
    private void Add(string where, IReadOnlyList<string> found)
    {
        foreach (var problem in found.Where(seen.Add))
        {
            problems.Add($"{where}: {problem}");
            say($"  WRONG {problem}");
        }
    }

    // Promise G1: a trigger that was accepted is one run, no more and no less.
    private static async Task<IReadOnlyList<string>> CountAsync(Installation installation, int triggers)
    {
        using var runs = await installation.Api.GetAsync("runs?limit=1&repo=" + Installation.Repository);
        var last = runs.RootElement.GetProperty("items")[0].GetProperty("number").GetInt32();
        return last == triggers ? [] : [$"{triggers} triggers were accepted, and there are {last} runs"];
    }

    private string Report(Installation installation, TimeSpan took)
    {
        var text = new StringBuilder();
        var victims = Enum.GetValues<Victim>().Where(v => installation.Database is not null || v is not (Victim.Broker or Victim.Database)).ToList();
        text.AppendLine(CultureInfo.InvariantCulture, $"{"kills",-12}{string.Concat(Enum.GetValues<Phase>().Select(p => $"{p,14}"))}");
        foreach (var victim in victims)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{victim,-12}{string.Concat(Enum.GetValues<Phase>().Select(p => $"{Kills(victim, p),14}"))}");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"runs by outcome: {string.Join(", ", outcomes.OrderByDescending(o => o.Value).Select(o => $"{o.Value} {o.Key}"))}; {missed} rounds without a kill");
        text.AppendLine(CultureInfo.InvariantCulture, $"restarts: {string.Join(", ", installation.Servers.Concat(installation.Agents.Select(a => a.Process)).Select(p => $"{p.Name} {p.Restarts}"))}");
        text.Append(CultureInfo.InvariantCulture, $"{took.TotalMinutes:0.0} min; {problems.Count} problems");
        return text.ToString();
    }
}
