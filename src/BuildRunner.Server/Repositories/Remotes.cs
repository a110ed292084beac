using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Repositories;

/// <summary>What opens a repository's remote: the credential that was given for it, or a token of its forge that reads this one repository and nothing else.</summary>
internal sealed partial class Remotes(
    Database database, RepositoryStore repositories, ForgeRepositories links, GitHubDirectory directory, GitHubForge forge, ILogger<Remotes> logger)
{
    private const string TokenUser = "x-access-token";

    /// <summary>How the server opens it.</summary>
    /// <exception cref="SourceException">Its address is not allowed any more, or its forge gives no token.</exception>
    public async Task<SourceRemote> OfAsync(RepositoryRow row, CancellationToken cancellationToken)
    {
        var remote = repositories.RemoteOf(row);
        if (remote.Secret is not null || remote.Url is not SourceUrl.Https)
        {
            return remote;
        }

        try
        {
            return await TokenAsync(row.Id, cancellationToken) is { } token ? remote with { User = TokenUser, Secret = token } : remote;
        }
        catch (ForgeException e)
        {
            throw new SourceException(e.IsTransient ? SourceFault.Here : SourceFault.NotReadable, e.Message);
        }
    }

    /// <summary>Completes work that was handed out: a clone step of a repository at a forge gets its token. Outside of any transaction, because the forge may be asked.</summary>
    public async Task<WorkItem> CompleteAsync(WorkItem item, CancellationToken cancellationToken)
    {
        if (item.Task is not WorkTask.Step { Source: { Secret: null } source } step || !WorkItems.MayHaveToken(step, directory.HasNarrowTokens) || !source.Url.StartsWith("https://", StringComparison.Ordinal))
        {
            return item;
        }

        try
        {
            var repository = await database.ReadAsync(db => db.Runs.Where(r => r.Id == item.Run.Value).Select(r => r.Repository).SingleAsync(cancellationToken), cancellationToken);
            return await TokenAsync(repository, cancellationToken) is { } token
                ? item with { Task = step with { Source = source with { User = TokenUser, Secret = token, ForItselfOnly = source.ForItselfOnly || !directory.HasNarrowTokens } } }
                : item;
        }
        catch (ForgeException e)
        {
            // A public repository can be cloned without; of a private one git says that it cannot, and the step may be repeated.
            LogNoToken(logger, item.RunName, e.Message);
            return item;
        }
    }

    private async Task<string?> TokenAsync(Guid repository, CancellationToken cancellationToken) =>
        directory.IsConfigured && await links.OfAsync(repository, cancellationToken) is { } link
            ? await forge.CloneTokenAsync(new ForgePlace(link.ForgeId, link.FullName, link.Installation), cancellationToken)
            : null;

    [LoggerMessage(3303, LogLevel.Warning, "{Run} clones without a token: {Why}")]
    private static partial void LogNoToken(ILogger logger, string run, string why);
}
