using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Runs;

/// <summary>Makes runs of repositories: finds the commit, reads its pipeline files, plans, decides about trust, and stores.</summary>
/// <remarks>1. A delivery that was taken before is answered as then. 2. Where the point is. 3. What the commit holds. 4. Number. 5. Facts, plan and trust. 6. Stored, in one transaction.</remarks>
internal sealed class RunStarter(RepositoryStore repositories, SourceReader sources, RunRegister register, Links links, PipelineOptions options, TimeProvider time)
{
    /// <summary>Starts a run.</summary>
    /// <exception cref="SourceException">The repository cannot be read, or has no such thing.</exception>
    public async Task<StoredAs> StartAsync(RepositoryRow repository, WantedRun wanted, CancellationToken cancellationToken)
    {
        if (wanted.Delivery is var (source, key) && await register.OfDeliveryAsync(source, key, cancellationToken) is { } made)
        {
            return new StoredAs(made, Number: 0, Created: false);
        }

        var remote = repositories.RemoteOf(repository);
        var point = wanted.Point is SourcePoint.Branch { Name: null } ? new SourcePoint.Branch(repository.DefaultBranch) : wanted.Point;
        var at = point is SourcePoint.Commit(var id, var on)
            ? new SourcePosition(id, $"refs/heads/{on ?? repository.DefaultBranch}", repository.DefaultBranch)
            : await sources.LocateAsync(repository.Id, remote, point, cancellationToken);
        var settings = RepositoryStore.SettingsOf(repository);
        var tree = await sources.ReadAsync(repository.Id, remote, at, point, settings.PipelinePath, cancellationToken);
        var number = await register.ReserveAsync(repository.Id, cancellationToken);
        return await register.CreateAsync(Plan(repository, settings, wanted, at, tree, number), cancellationToken);
    }

    private NewRun Plan(RepositoryRow repository, RepositorySettings settings, WantedRun wanted, SourcePosition at, SourceTree tree, int number)
    {
        var runEvent = EventOf(repository, wanted, at, tree);
        runEvent = runEvent with { Variables = Variables(wanted, CiVariables.ForRun(runEvent, FactsOf(repository, settings, wanted, tree, number))) };
        var planned = tree.Files.Count == 0 ? new PlanResult(null, [NoFiles(settings)]) : Planner.Plan(tree.Files, runEvent);
        var trust = Trust.Decide(
            wanted.PullRequest ?? OriginOf(wanted.Point), at.Ref, null, $"refs/heads/{repository.DefaultBranch}", settings.Trusted, settings.Approve, HeadVerdict.None);
        return new NewRun
        {
            Repository = repository.Id,
            Number = number,
            Plan = planned.Plan is { } plan ? options.Limit(plan, settings.Timeout) : null,
            Diagnostics = planned.Diagnostics,
            Event = runEvent,
            Title = wanted.Title ?? FirstLine(tree.Facts.Message) ?? at.Commit[..12],
            Author = wanted.Author,
            Trust = trust,
            Delivery = wanted.Delivery,
            CancelsEarlier = wanted.Point is SourcePoint.PullRequest ? settings.CancelSuperseded ?? true : settings.CancelSuperseded ?? options.CancelSupersededPushes,
            Priority = settings.Priority,
        };
    }

    private static RunEvent EventOf(RepositoryRow repository, WantedRun wanted, SourcePosition at, SourceTree tree) => new()
    {
        Kind = wanted.Event,
        Branch = at.Ref.StartsWith("refs/heads/", StringComparison.Ordinal) ? at.Ref["refs/heads/".Length..] : repository.DefaultBranch,
        Ref = at.Ref,
        Commit = at.Commit,
        Repository = repository.Name,
        DefaultBranch = repository.DefaultBranch,
        ChangedFiles = wanted.Event is "push" ? tree.Changed : null,
        Cron = wanted.Schedule,
        Inputs = wanted.Inputs,
    };

    private RunFacts FactsOf(RepositoryRow repository, RepositorySettings settings, WantedRun wanted, SourceTree tree, int number)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        return new RunFacts
        {
            Repository = new RepositoryFacts
            {
                CloneUrl = repository.CloneUrl.StartsWith("ssh://", StringComparison.Ordinal) ? null : repository.CloneUrl,
                CloneSshUrl = repository.CloneUrl.StartsWith("ssh://", StringComparison.Ordinal) ? repository.CloneUrl : null,
                Url = repository.CloneUrl.StartsWith("https://", StringComparison.Ordinal) ? repository.CloneUrl.EndsWith(".git", StringComparison.Ordinal) ? repository.CloneUrl[..^4] : repository.CloneUrl : null,
                TrustedNetwork = settings.Trusted.Network,
                TrustedVolumes = settings.Trusted.Volumes,
                TrustedSecurity = settings.Trusted.Privileged,
            },
            Commit = tree.Facts,
            Pipeline = new PipelineFacts { Number = number, Created = now, Started = now, Author = wanted.Author, Url = links.Run(repository.Name, number).AbsoluteUri },
            System = new SystemFacts { Url = links.Root.AbsoluteUri.TrimEnd('/'), Host = links.Root.Host, Platform = "linux/amd64", Version = AgentVersions.Server.ToString(3) },
        };
    }

    // What was given with the run is weaker than what BuildRunner itself says.
    private static Dictionary<string, string> Variables(WantedRun wanted, IReadOnlyDictionary<string, string> told)
    {
        var variables = new Dictionary<string, string>(wanted.Environment, StringComparer.Ordinal);
        foreach (var (name, value) in told)
        {
            variables[name] = value;
        }

        return variables;
    }

    // Without a forge nobody can say who wrote it: a stranger.
    private static PullRequestOrigin? OriginOf(SourcePoint point) => point is SourcePoint.PullRequest(var number)
        ? new PullRequestOrigin { Number = number, BaseRepository = 0, HeadRepository = null, HeadOwner = null, Author = 0, AuthorAssociation = "NONE" }
        : null;

    private static Diagnostic NoFiles(RepositorySettings settings) => new(
        "BR1000",
        DiagnosticSeverity.Error,
        settings.PipelinePath is { } path ? $"there is no pipeline at {path}" : "there is no pipeline in this commit",
        new SourceLocation(settings.PipelinePath ?? ".buildrunner.yml", 1, 1),
        settings.PipelinePath is null
            ? "Add .buildrunner.yml, or files in .buildrunner/; .woodpecker.yml, .woodpecker/ and pipelines/ are found too"
            : "Correct the repository's setting, or add the file");

    private static string? FirstLine(string? message) =>
        message?.Split('\n')[0].Trim() is { Length: > 0 } line ? new string([.. line.Where(c => !char.IsControl(c)).Take(200)]) : null;
}

/// <summary>A run that somebody wants.</summary>
internal sealed record WantedRun
{
    /// <summary>Of what.</summary>
    public required SourcePoint Point { get; init; }

    /// <summary>The event that <c>when</c> sees.</summary>
    public required string Event { get; init; }

    /// <summary>Who or what caused it.</summary>
    public required string Author { get; init; }

    /// <summary>One line for lists; null: the commit's.</summary>
    public string? Title { get; init; }

    /// <summary>Values for <c>inputs</c>.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; init; } = new Dictionary<string, string>();

    /// <summary>Variables for every step.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>The schedule's name; null: none.</summary>
    public string? Schedule { get; init; }

    /// <summary>What a forge told about the pull request; null: nothing, and then it counts as a stranger's.</summary>
    public PullRequestOrigin? PullRequest { get; init; }

    /// <summary>As <see cref="NewRun.Delivery"/>.</summary>
    public (string Source, string Key)? Delivery { get; init; }
}
