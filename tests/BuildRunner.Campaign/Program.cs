using System.Globalization;
using System.Security.Cryptography;
using BuildRunner.Campaign;

// dotnet run -c Release --project tests/BuildRunner.Campaign -- small|large [--runs N] [--seed S] [--ledger FILE] [--minutes M] [VICTIM|PHASE ...]
// dotnet run -c Release --project tests/BuildRunner.Campaign -- broker-away --minutes M
// Kills processes of an installation while runs go on, in every phase of a step, and audits from outside what became of them (docs/campaign.md).
if (args is ["broker-away", ..])
{
    return await BrokerAwayAsync();
}

if (args.Length == 0 || args[0] is not ("small" or "large"))
{
    Console.Error.WriteLine("usage: BuildRunner.Campaign small|large [--runs N] [--seed S] [--ledger FILE] [--minutes M] [VICTIM|PHASE ...]\n   or: BuildRunner.Campaign broker-away --minutes M");
    return 2;
}

var large = args[0] == "large";
var runs = int.Parse(Option("--runs") ?? "200", CultureInfo.InvariantCulture);
var seed = Option("--seed") is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : RandomNumberGenerator.GetInt32(1_000_000);
var ledger = Option("--ledger") is { } path ? Ledger.Open(path) : Ledger.New();
var limit = Option("--minutes") is { } minutes ? TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture)) : TimeSpan.MaxValue;
var only = args.Skip(1).Where((a, i) => !a.StartsWith("--", StringComparison.Ordinal) && !args[i].StartsWith("--", StringComparison.Ordinal)).ToList();
Console.WriteLine($"seed {seed}: {ledger.Rounds} of {runs} runs are done on {(large ? "PostgreSQL and RabbitMQ" : "SQLite, in process")}");
var began = TimeProvider.System.GetTimestamp();
var random = new Random(seed);
await using var installation = await Installation.StartAsync(App(), large, Campaigner.Renew);
var campaign = await Campaigner.RunAsync(installation, ledger, Next, Console.WriteLine);
Console.WriteLine(ledger.Report(large));
if (campaign.Problems.Count > 0)
{
    Console.WriteLine($"seed {seed} found problems; the logs of server and agents are in {installation.Keep()}");
}

return campaign.Problems.Count == 0 ? 0 : 1;

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;

Fault? Next() => ledger.Rounds >= runs || TimeProvider.System.GetElapsedTime(began) > limit ? null
    : only.Count == 0 ? Fault.Next(random, ledger.Kills, large)
    : Enumerable.Range(0, 10_000).Select(_ => Fault.Next(random, new Dictionary<(Victim Victim, Phase Phase), int>(), large))
        .FirstOrDefault(f => only.Contains(f.Victim.ToString()) || only.Contains(f.Phase.ToString()));

string App() => Environment.GetEnvironmentVariable("BUILDRUNNER_APP") ?? throw new InvalidOperationException("BUILDRUNNER_APP names the built release's executable");

async Task<int> BrokerAwayAsync()
{
    await using var without = await Installation.StartAsync(App(), large: true, Campaigner.Renew);
    var away = TimeSpan.FromMinutes(double.Parse(Option("--minutes") ?? "60", CultureInfo.InvariantCulture));
    var problems = await new BrokerAway(without, away, TimeSpan.FromSeconds(20), Console.WriteLine).RunAsync();
    problems.ToList().ForEach(Console.WriteLine);
    Console.WriteLine($"{problems.Count} problems{(problems.Count > 0 ? $"; the logs are in {without.Keep()}" : "")}");
    return problems.Count == 0 ? 0 : 1;
}
