using BuildRunner.Cli.Client;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Running;

/// <summary>What to do after a run that did not go well. Each command can be typed as it stands, in the folder in which the run was started.</summary>
internal static class Hints
{
    /// <summary>A few words and a command each.</summary>
    /// <param name="state">The run, ended.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="request">How it was asked for.</param>
    /// <param name="engine">The engine's name.</param>
    /// <param name="kept">What was kept of it.</param>
    /// <param name="stored">Whether its logs are stored.</param>
    /// <param name="host">For the logins: where there is one, <c>@latest</c> alone is a run of that server.</param>
    public static IReadOnlyList<(string What, string Command)> Of(
        RunState state, RunPlan plan, RunRequest request, string engine, IReadOnlyCollection<KeptContainer> kept, bool stored, CliHost host)
    {
        var hints = new List<(string, string)>();
        if (FirstFailed(state) is var (workflow, step) && step is not null)
        {
            var name = Name(plan, workflow, step);
            if (engine != "dummy")
            {
                hints.Add((kept.Any(k => k.Workflow == workflow && k.Step == step) ? "shell into it" : "a shell like it", $"buildrunner shell {Words([name, .. Flags(request)])}"));
            }

            // What began from a directory of this host began from no image, and none can be made of it.
            if (kept.FirstOrDefault(k => k.Workflow == workflow && k.Step == step && !k.Image.StartsWith("rootfs:", StringComparison.Ordinal)) is { } own)
            {
                hints.Add(("an image of it", $"buildrunner image commit {own.Id} NAME{(engine == "oci" ? "" : $" --engine {engine}")}"));
            }

            if (stored)
            {
                hints.Add(("full log", $"buildrunner logs @latest {Words([name])}{(LatestIsOfAServer(host) ? " --local" : "")}"));
            }
        }

        if (state.Workflows.Any(w => w.Halt is Outcome.Error || w.Steps.Any(s => s.Phase is StepPhase.Done { Outcome: Outcome.Error("engine_unavailable", _) })))
        {
            hints.Add(("what is missing", "buildrunner doctor"));
        }

        return hints;
    }

    private static bool LatestIsOfAServer(CliHost host)
    {
        try
        {
            return ServerAddress.IsKnown(null, host);
        }
        catch (CliException)
        {
            // Logins that cannot be read are told by the verbs that need them.
            return false;
        }
    }

    private static (string Workflow, string? Step) FirstFailed(RunState state) => state.Workflows
        .SelectMany(w => w.Steps.Select(s => (w.Name, Step: s)))
        .Where(s => s.Step.Phase is StepPhase.Done { Conclusion: Outcome.Failure or Outcome.TimedOut })
        .OrderBy(s => ((StepPhase.Done)s.Step.Phase).At)
        .Select(s => (s.Name, (string?)s.Step.Name))
        .FirstOrDefault(("", null));

    private static string Name(RunPlan plan, string workflow, string step) =>
        plan.Workflows.Count(w => w.Steps.Any(s => s.Name == step)) > 1 ? $"{workflow}/{step}" : step;

    private static IEnumerable<string> Flags(RunRequest request) => request.File is { } file ? ["-f", file, .. request.Again] : request.Again;

    private static string Words(IEnumerable<string> words) => string.Join(' ', words.Select(Word));

    // As a shell takes it literally.
    private static string Word(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=@%+,".Contains(c)) ? word : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
