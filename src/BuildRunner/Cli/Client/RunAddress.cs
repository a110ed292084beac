using System.Globalization;
using BuildRunner.Cli.Running;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary>A run as people name it: a number, <c>owner/repo#12</c>, the address of its page, <c>@latest</c> or <c>owner/repo@latest</c>.</summary>
/// <param name="Repository"><c>owner/name</c>; null: of this directory, or whatever there is.</param>
/// <param name="Number">Null: the latest.</param>
internal sealed record RunAddress(string? Repository, int? Number)
{
    public const string Help = "a number, owner/repo#12, the address of its page, or @latest";

    /// <summary>Reads it.</summary>
    /// <exception cref="CliException">It is none.</exception>
    public static RunAddress Parse(string text, Uri server)
    {
        if (text == "@latest")
        {
            return new(null, null);
        }

        if (TryNumber(text.TrimStart('#'), out var number))
        {
            return new(null, number);
        }

        if (text.EndsWith("@latest", StringComparison.Ordinal) && IsRepository(text[..^7]))
        {
            return new(text[..^7], null);
        }

        if (text.Split('#') is [var repository, var after] && IsRepository(repository) && TryNumber(after, out number))
        {
            return new(repository, number);
        }

        return OfPage(text, server) ?? throw new CliException(ExitCode.Usage, $"'{text}' is not a run: {Help}");
    }

    /// <summary>Finds the run's repository and number.</summary>
    /// <param name="api">The server.</param>
    /// <param name="host">For the repository of this directory.</param>
    /// <param name="named">What <c>--repo</c> said; null: nothing.</param>
    /// <param name="stop">Stops it.</param>
    public async Task<(string Repository, int Number)> FindAsync(ApiClient api, CliHost host, string? named, CancellationToken stop)
    {
        var repository = Repository ?? named ?? await OfDirectoryAsync(api, host, stop);
        if (Number is { } number)
        {
            return (repository ?? throw new CliException(ExitCode.Usage, $"of which repository is run {number}? Write owner/repo#{number}, or add --repo"), number);
        }

        var path = ApiRoutes.Runs + "?limit=1" + (repository is null ? "" : $"&repo={Uri.EscapeDataString(repository)}");
        var page = await api.GetAsync(path, ApiJson.Default.RunPage, stop);
        if (page.Items is [var latest, ..])
        {
            return (latest.Repo, latest.Number);
        }

        if (repository is not null)
        {
            await RequireAsync(api, repository, stop);
        }

        throw new CliException(ExitCode.Usage, repository is null ? "there is no run yet" : $"{repository} has no run yet");
    }

    /// <summary>Asks for a repository of which no run was found: a list of runs is empty also for one that is not there.</summary>
    /// <exception cref="CliException">There is none of that name; the server says what to do.</exception>
    public static Task RequireAsync(ApiClient api, string repository, CancellationToken stop) =>
        api.GetAsync(ApiRoutes.For(ApiRoutes.RepositoryByName, repository), ApiJson.Default.Repository, stop);

    // The repository that this directory is a clone of, or the only one that there is.
    private static async Task<string?> OfDirectoryAsync(ApiClient api, CliHost host, CancellationToken stop)
    {
        var repositories = (await api.GetAsync(ApiRoutes.Repositories, ApiJson.Default.RepositoryList, stop)).Items;
        if (repositories.Count == 1)
        {
            return repositories[0].Name;
        }

        var remote = GitRemote.Of((await GitTree.HeadAsync(host.Directory, stop))?.Remote);
        return remote is null ? null : repositories.FirstOrDefault(r => Is(r, remote))?.Name;
    }

    private static bool Is(Repository repository, GitRemote remote) =>
        GitRemote.Of(repository.CloneUrl) is { } other
        && string.Equals(other.Host, remote.Host, StringComparison.OrdinalIgnoreCase)
        && string.Equals(other.Repository, remote.Repository, StringComparison.OrdinalIgnoreCase);

    // OWNER/REPO/runs/N below the server's own path, whatever stands behind it.
    private static RunAddress? OfPage(string text, Uri server)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var page) || page.Scheme is not ("http" or "https"))
        {
            return null;
        }

        if (!string.Equals(page.Authority, server.Authority, StringComparison.OrdinalIgnoreCase) || !page.AbsolutePath.StartsWith(server.AbsolutePath, StringComparison.Ordinal))
        {
            throw new CliException(ExitCode.Usage, $"{text} is not a page of {server}; name its server with --server");
        }

        return page.AbsolutePath[server.AbsolutePath.Length..].Split('/') is [var owner, var name, "runs", var number, ..] && TryNumber(number, out var n)
            ? new($"{Uri.UnescapeDataString(owner)}/{Uri.UnescapeDataString(name)}", n)
            : null;
    }

    /// <summary>Whether a text is of the form <c>owner/name</c>.</summary>
    public static bool IsRepository(string text) =>
        text.Split('/') is [{ Length: > 0 } owner, { Length: > 0 } name] && owner.Concat(name).All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
