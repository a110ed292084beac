using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Forge.Checks;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Runs;

/// <summary>Makes the run of an event whose files are known, whatever told of it: number, facts, plan, and the run in one transaction.</summary>
internal sealed class NewRuns(RunRegister register, Links links, PipelineOptions options, TimeProvider time)
{
    /// <summary>Stores the run.</summary>
    public async Task<StoredAs> StoreAsync(RepositoryRow repository, RunBasis basis, CancellationToken cancellationToken)
    {
        // The plan holds the number. Who is alone with the repository knows its next one, and takes it together with the run; whoever comes meanwhile, here or at another server, sets one aside.
        var settings = RepositoryStore.SettingsOf(repository);
        using var guess = CancelsEarlier(settings, basis) ? null : register.Guess(repository);
        return (guess is null ? null : await register.CreateNextAsync(RunOf(repository, settings, basis, guess.Number), guess, cancellationToken))
            ?? await register.CreateAsync(RunOf(repository, settings, basis, await register.ReserveAsync(repository.Id, cancellationToken)), cancellationToken);
    }

    // Those that are cancelled are held, which has to come before the repository is (as where work is handed out).
    private bool CancelsEarlier(RepositorySettings settings, RunBasis basis) => settings.CancelSuperseded ?? (basis.OfPullRequest || options.CancelSupersededPushes);

    private NewRun RunOf(RepositoryRow repository, RepositorySettings settings, RunBasis basis, int number)
    {
        var facts = Complete(basis, repository, settings, number);
        var runEvent = basis.Event with { Variables = Variables(basis, CiVariables.ForRun(basis.Event, facts)) };
        var planned = basis.Files.Count == 0 ? new PlanResult(null, [NoFiles(settings)]) : Planner.Plan(basis.Files, runEvent);
        return new NewRun
        {
            Repository = repository.Id,
            Number = number,
            Plan = planned.Plan is { } plan ? Skipped(options.Limit(plan, settings.Timeout), basis.Skip) : null,
            Diagnostics = planned.Diagnostics,
            Event = runEvent,
            Title = Line(basis.Title) ?? Line(facts.Commit.Message) ?? runEvent.Commit[..Math.Min(12, runEvent.Commit.Length)],
            Author = basis.Author,
            Trust = basis.Trust,
            Delivery = basis.Delivery,
            AlsoKnownAs = basis.AlsoKnownAs,
            CancelsEarlier = CancelsEarlier(settings, basis),
            Priority = settings.Priority,
        };
    }

    // What the event told stays; what only BuildRunner knows is added.
    private RunFacts Complete(RunBasis basis, RepositoryRow repository, RepositorySettings settings, int number)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var (facts, url) = (basis.Facts, repository.CloneUrl);
        var ssh = url.StartsWith("ssh://", StringComparison.Ordinal);
        return facts with
        {
            Repository = facts.Repository with
            {
                CloneUrl = ssh ? facts.Repository.CloneUrl : url,
                CloneSshUrl = ssh ? url : facts.Repository.CloneSshUrl,
                Url = facts.Repository.Url ?? (url.StartsWith("https://", StringComparison.Ordinal) ? url.EndsWith(".git", StringComparison.Ordinal) ? url[..^4] : url : null),
                TrustedNetwork = settings.Trusted.Network,
                TrustedVolumes = settings.Trusted.Volumes,
                TrustedSecurity = settings.Trusted.Privileged,
            },
            Pipeline = facts.Pipeline with
            {
                Number = number,
                Created = now,
                Started = now,
                Author = facts.Pipeline.Author ?? basis.Author,
                Url = links.Run(repository.Name, number).AbsoluteUri,
            },
            System = facts.System with
            {
                Url = links.Root.AbsoluteUri.TrimEnd('/'),
                Host = links.Root.Host,
                Platform = "linux/amd64",
                Version = AgentVersions.Server.ToString(3),
            },
        };
    }

    // What was given with the run is weaker than what BuildRunner itself says.
    private static Dictionary<string, string> Variables(RunBasis basis, IReadOnlyDictionary<string, string> told)
    {
        var variables = new Dictionary<string, string>(basis.Environment, StringComparer.Ordinal);
        foreach (var (name, value) in told)
        {
            variables[name] = value;
        }

        return variables;
    }

    // Its checks are concluded all the same, so that one that is required does not hang.
    private static RunPlan Skipped(RunPlan plan, string? why) =>
        why is null ? plan : plan with { Workflows = [.. plan.Workflows.Select(w => w with { SkipReason = w.SkipReason ?? why })] };

    private static Diagnostic NoFiles(RepositorySettings settings) => new(
        "BR1000",
        DiagnosticSeverity.Error,
        settings.PipelinePath is { } path ? $"there is no pipeline at {path}" : "there is no pipeline in this commit",
        new SourceLocation(settings.PipelinePath ?? ".buildrunner.yml", 1, 1),
        settings.PipelinePath is null
            ? "Add .buildrunner.yml, or files in .buildrunner/; .woodpecker.yml, .woodpecker/ and pipelines/ are found too"
            : "Correct the repository's setting, or add the file");

    // Shown in lists beside what others wrote: nothing in it moves the cursor, or turns the rest of the line round.
    private static string? Line(string? text) =>
        text?.Split('\n')[0].Trim() is { Length: > 0 } line ? string.Concat(line.EnumerateRunes().Where(Markdown.IsShown).Take(200)) : null;
}

/// <summary>What a run is made of.</summary>
internal sealed record RunBasis
{
    /// <summary>What it is for, complete but for the variables.</summary>
    public required RunEvent Event { get; init; }

    /// <summary>What is told to steps besides.</summary>
    public required RunFacts Facts { get; init; }

    /// <summary>The pipeline files at its commit.</summary>
    public required IReadOnlyList<PipelineSource> Files { get; init; }

    /// <summary>What it may do.</summary>
    public required TrustDecision Trust { get; init; }

    /// <summary>One line for lists; empty: the commit's.</summary>
    public required string Title { get; init; }

    /// <summary>Who or what caused it.</summary>
    public required string Author { get; init; }

    /// <summary>Variables for every step.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>As <see cref="NewRun.Delivery"/>.</summary>
    public (string Source, string Key)? Delivery { get; init; }

    /// <summary>As <see cref="NewRun.AlsoKnownAs"/>.</summary>
    public string? AlsoKnownAs { get; init; }

    /// <summary>Why nothing of it runs; null: it runs.</summary>
    public string? Skip { get; init; }

    /// <summary>Whether it is for a pull request.</summary>
    public bool OfPullRequest { get; init; }
}
