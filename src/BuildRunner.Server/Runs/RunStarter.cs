using BuildRunner.Core.Planning;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Runs;

/// <summary>Makes runs of repositories: finds the commit, reads its pipeline files, plans, decides about trust, and stores.</summary>
/// <remarks>1. A delivery that was taken before is answered as then. 2. Where the point is. 3. What the commit holds. 4. Trust. 5. Plan and run.</remarks>
internal sealed class RunStarter(Remotes remotes, SourceReader sources, RunRegister register, NewRuns runs)
{
    /// <summary>Starts a run.</summary>
    /// <exception cref="SourceException">The repository cannot be read, or has no such thing.</exception>
    public async Task<StoredAs> StartAsync(RepositoryRow repository, WantedRun wanted, CancellationToken cancellationToken)
    {
        if (wanted.Delivery is var (source, key) && await register.OfDeliveryAsync(source, key, cancellationToken) is { } made)
        {
            return new StoredAs(made, Number: 0, Created: false);
        }

        var remote = await remotes.OfAsync(repository, cancellationToken);
        var point = PointOf(repository, wanted.Point);
        var at = await PositionAsync(sources, repository, remote, point, cancellationToken);
        var settings = RepositoryStore.SettingsOf(repository);
        var tree = await sources.ReadAsync(repository.Id, remote, at, point, settings.PipelinePath, cancellationToken);
        var trust = Trust.Decide(
            wanted.PullRequest ?? OriginOf(wanted.Point), at.Ref, null, $"refs/heads/{repository.DefaultBranch}", settings.Trusted, settings.Approve, HeadVerdict.None);
        return await runs.StoreAsync(
            repository,
            new RunBasis
            {
                Event = EventOf(repository, wanted, at, tree),
                Facts = new RunFacts { Commit = tree.Facts },
                Files = tree.Files,
                Trust = trust with { BranchUnproven = wanted.Point is SourcePoint.Tag },
                Title = wanted.Title ?? "",
                Author = wanted.Author,
                Environment = wanted.Environment,
                Delivery = wanted.Delivery,
                OfPullRequest = wanted.Point is SourcePoint.PullRequest,
            },
            cancellationToken);
    }

    /// <summary>The point that is meant, whole: on which branch.</summary>
    public static SourcePoint PointOf(RepositoryRow repository, SourcePoint wanted) => wanted switch
    {
        SourcePoint.Branch { Name: null } => new SourcePoint.Branch(repository.DefaultBranch),

        // Secrets and trust go by the branch, and forges hand out the commits of forks too: that it is on the branch has to be seen.
        SourcePoint.Commit(var commit, null) => new SourcePoint.Commit(commit, repository.DefaultBranch),
        var other => other,
    };

    /// <summary>Where that is.</summary>
    public static async Task<SourcePosition> PositionAsync(SourceReader sources, RepositoryRow repository, SourceRemote remote, SourcePoint point, CancellationToken cancellationToken) =>
        point is SourcePoint.Commit(var id, var on)
            ? new SourcePosition(id, $"refs/heads/{on}", repository.DefaultBranch)
            : await sources.LocateAsync(repository.Id, remote, point, cancellationToken);

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

    // Without a forge nobody can say who wrote it: a stranger.
    private static PullRequestOrigin? OriginOf(SourcePoint point) => point is SourcePoint.PullRequest(var number)
        ? new PullRequestOrigin { Number = number, BaseRepository = 0, HeadRepository = null, HeadOwner = null, Author = 0, AuthorAssociation = "NONE" }
        : null;
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
