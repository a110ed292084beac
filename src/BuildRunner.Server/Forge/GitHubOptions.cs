namespace BuildRunner.Server.Forge;

/// <summary>How BuildRunner speaks to GitHub: as an app, or with a personal token.</summary>
public sealed record GitHubOptions
{
    /// <summary>The API's address. GitHub Enterprise Server: <c>https://HOST/api/v3/</c>; the host alone is completed.</summary>
    public string ApiUrl { get; init; } = "https://api.github.com/";

    /// <summary>The address of its pages and repositories; null: the one that belongs to <see cref="ApiUrl"/>.</summary>
    public Uri? WebUrl { get; init; }

    /// <summary>The app's number; null: a personal token is used.</summary>
    public long? AppId { get; init; }

    /// <summary>The app's private key, as PEM. Needed with <see cref="AppId"/>.</summary>
    public string? PrivateKey { get; init; }

    /// <summary>A personal token; used only without an app. It cannot make checks: there are commit statuses instead.</summary>
    public string? Token { get; init; }

    /// <summary>What the names of checks begin with.</summary>
    public string CheckName { get; init; } = "buildrunner";

    /// <summary>How often branches, tags and pull requests are looked at for events that no webhook told of; zero: never.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a webhook may be late: a head that is new for less is left to it.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long one request may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The API's address, complete, with a slash at its end.</summary>
    /// <exception cref="UriFormatException"><see cref="ApiUrl"/> is no address; <see cref="Problems"/> says so before.</exception>
    public Uri Api
    {
        get
        {
            var given = new Uri(ApiUrl, UriKind.Absolute);
            var alone = given.AbsolutePath == "/" && !given.IsLoopback && !given.Host.StartsWith("api.", StringComparison.OrdinalIgnoreCase);
            return new(given, alone ? "/api/v3/" : given.AbsolutePath.TrimEnd('/') + "/");
        }
    }

    /// <summary>What is wrong, a sentence each that names the setting; empty if it can be used.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (!Uri.TryCreate(ApiUrl, UriKind.Absolute, out var api) || (api.Scheme != Uri.UriSchemeHttps && !(api.Scheme == Uri.UriSchemeHttp && api.IsLoopback)))
            problems.Add($"GitHub:ApiUrl must be an https address; it is '{ApiUrl}'");
        if (AppId is not null && AppJwt.WhyNoKey(PrivateKey) is { } why)
            problems.Add($"GitHub:PrivateKey {why}; download one from the app's settings page");
        if (AppId is null && PrivateKey is not null)
            problems.Add("GitHub:PrivateKey is set and GitHub:AppId is not; set the app's number");
        return problems;
    }
}
