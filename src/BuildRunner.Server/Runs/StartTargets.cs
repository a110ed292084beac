using System.Collections.Concurrent;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Runs;

/// <summary>Looks whether what is to start runs later, a schedule or an endpoint, names what is there: its branch, and the inputs that it gives.</summary>
internal sealed class StartTargets(Remotes remotes, SourceReader sources, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // Whoever looks at the page again soon does not make the forge list its branches again; what is typed is looked for there all the same.
    private static readonly TimeSpan BranchesLast = TimeSpan.FromMinutes(1);
    private const int MostLists = 1000;
    private readonly ConcurrentDictionary<(Guid Repository, string Url), (DateTimeOffset At, IReadOnlyList<string> Names)> branches = [];

    /// <summary>Why it would start nothing, as a clause.</summary>
    /// <param name="repository">Of what.</param>
    /// <param name="branch">The branch; null: the default branch.</param>
    /// <param name="inputs">The inputs that it gives.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null: nothing is wrong, or the repository cannot be read now; each start says then what is.</returns>
    public async Task<string?> WhyNotAsync(RepositoryRow repository, string? branch, IReadOnlyCollection<string> inputs, CancellationToken cancellationToken)
    {
        if (branch is null && inputs.Count == 0)
        {
            return null;
        }

        if (branch is not null && !GitName.IsRef($"refs/heads/{branch}"))
        {
            return $"'{branch}' is no name that git allows for a branch";
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            return await LookAsync(repository, branch ?? repository.DefaultBranch, inputs, patience.Token);
        }
        catch (SourceException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>What a run of a point would be asked for.</summary>
    /// <exception cref="SourceException">It cannot be read, or has no such thing.</exception>
    public async Task<StartPoint> LookAsync(RepositoryRow repository, SourcePoint wanted, CancellationToken cancellationToken)
    {
        var remote = await remotes.OfAsync(repository, cancellationToken);
        var point = RunStarter.PointOf(repository, wanted);
        SourcePosition at;
        try
        {
            at = await RunStarter.PositionAsync(sources, repository, remote, point, cancellationToken);
        }
        catch (SourceException e) when (e.Fault == SourceFault.NoSuchRef && point is SourcePoint.Branch { Name: { } branch })
        {
            throw new SourceException(SourceFault.NoSuchRef, await NoBranchAsync(repository, remote, branch, cancellationToken));
        }

        var tree = await sources.ReadAsync(repository.Id, remote, at, point, RepositoryStore.SettingsOf(repository).PipelinePath, cancellationToken);
        return new StartPoint(at.Commit, tree.Files.Count > 0, Planner.Inputs(tree.Files) ?? []);
    }

    /// <summary>The names of branches to choose from, as they were within the last minute; empty if they cannot be had soon.</summary>
    public async Task<IReadOnlyList<string>> BranchesAsync(RepositoryRow repository, CancellationToken cancellationToken)
    {
        var key = (repository.Id, repository.CloneUrl);
        if (branches.TryGetValue(key, out var known) && time.GetUtcNow() - known.At < BranchesLast)
        {
            return known.Names;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            var names = await sources.BranchesAsync(await remotes.OfAsync(repository, patience.Token), patience.Token);
            if (branches.Count >= MostLists)
            {
                branches.Clear();
            }

            branches[key] = (time.GetUtcNow(), names);
            return names;
        }
        catch (SourceException)
        {
            return [];
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return [];
        }
    }

    private async Task<string> NoBranchAsync(RepositoryRow repository, SourceRemote remote, string branch, CancellationToken stop)
    {
        var near = Nearest.To(branch, await sources.BranchesAsync(remote, stop));
        return $"{repository.Name} has no branch '{branch}'{(near is null ? "" : $"; did you mean '{near}'?")}";
    }

    private async Task<string?> LookAsync(RepositoryRow repository, string branch, IReadOnlyCollection<string> inputs, CancellationToken stop)
    {
        var remote = await remotes.OfAsync(repository, stop);
        var point = new SourcePoint.Branch(branch);
        SourcePosition at;
        try
        {
            at = await sources.LocateAsync(repository.Id, remote, point, stop);
        }
        catch (SourceException e) when (e.Fault == SourceFault.NoSuchRef)
        {
            return await NoBranchAsync(repository, remote, branch, stop);
        }

        if (inputs.Count == 0)
        {
            return null;
        }

        // Of files that cannot be read their run says what is wrong with them.
        var tree = await sources.ReadAsync(repository.Id, remote, at, point, RepositoryStore.SettingsOf(repository).PipelinePath, stop);
        return tree.Files.Count == 0 || Planner.Inputs(tree.Files)?.Select(input => input.Name).ToList() is not { } known || inputs.FirstOrDefault(name => !known.Contains(name)) is not { } unknown
            ? null
            : $"the pipeline on branch '{branch}' has no input '{unknown}'"
                + (Nearest.To(unknown, known) is { } meant ? $"; did you mean '{meant}'?" : known.Count == 0 ? "; inputs are declared in it under 'inputs'" : $"; it has {string.Join(", ", known.Order(StringComparer.Ordinal))}");
    }
}

/// <summary>A point of which somebody may start a run.</summary>
/// <param name="Commit">The commit that it is now.</param>
/// <param name="HasPipeline">Whether there are pipeline files.</param>
/// <param name="Inputs">What the run may be given; empty also if the files cannot be read, of which the run says more.</param>
internal sealed record StartPoint(string Commit, bool HasPipeline, IReadOnlyList<PipelineInput> Inputs);
