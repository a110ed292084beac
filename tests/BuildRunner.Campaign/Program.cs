using System.Globalization;
using System.Security.Cryptography;
using BuildRunner.Campaign;

// dotnet run -c Release --project tests/BuildRunner.Campaign -- small|large [RUNS] [SEED] [FIRST]
// Kills processes of an installation while runs go on, in every phase of a step, and audits from outside what became of them (docs/campaign.md).
if (args.Length == 0 || args[0] is not ("small" or "large"))
{
    Console.Error.WriteLine("usage: BuildRunner.Campaign small|large [RUNS] [SEED] [VICTIM|PHASE ...]");
    return 2;
}

var large = args[0] == "large";
var runs = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 200;
var seed = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : RandomNumberGenerator.GetInt32(1_000_000);
var only = args.Skip(3).ToList();
var app = Environment.GetEnvironmentVariable("BUILDRUNNER_APP") ?? throw new InvalidOperationException("BUILDRUNNER_APP names the built release's executable");
var faults = Fault.Plan(seed, runs, large).Where(f => only.Count == 0 || only.Contains(f.Victim.ToString()) || only.Contains(f.Phase.ToString())).ToList();
Console.WriteLine($"seed {seed}: {faults.Count} runs on {(large ? "PostgreSQL and RabbitMQ" : "SQLite, in process")}");
await using var installation = await Installation.StartAsync(app, large, Campaigner.Renew);
var campaign = await Campaigner.RunAsync(installation, faults, Console.WriteLine);
if (campaign.Problems.Count > 0)
{
    Console.WriteLine($"seed {seed} found problems; the logs of server and agents are in {installation.Keep()}");
}

return campaign.Problems.Count == 0 ? 0 : 1;
