using BuildRunner.Server.Webhooks;

namespace BuildRunner.Server.Forge;

/// <summary>As whom BuildRunner speaks to GitHub, and what GitHub signs with: what the settings say; where they name no app, the app that was made on the page. May change while the server runs.</summary>
internal sealed class GitHubLogin(GitHubOptions options, WebhookOptions webhooks)
{
    private volatile MadeApp? made;

    /// <summary>The app that was made on the page; null: none, or the settings name one.</summary>
    public MadeApp? Made => options.AppId is null ? made : null;

    /// <summary>The app's number; null: a personal token is used.</summary>
    public long? AppId => options.AppId ?? made?.Id;

    /// <summary>The app's private key, as PEM; there with <see cref="AppId"/>.</summary>
    public string? PrivateKey => options.AppId is null ? made?.PrivateKey : options.PrivateKey;

    /// <summary>A personal token; null with an app.</summary>
    public string? Token => AppId is null ? options.Token : null;

    /// <summary>What GitHub may sign with, the one that is handed out first; empty: nothing is taken from GitHub.</summary>
    public IReadOnlyList<string> WebhookSecrets => Made is { WebhookSecret: { } own } ? [own, .. webhooks.GitHubSecrets] : webhooks.GitHubSecrets;

    /// <summary>From now on this app counts; null: none.</summary>
    public void Use(MadeApp? app) => made = app;

    /// <summary>A token by which the app proves itself, once.</summary>
    public string Jwt(DateTimeOffset now) => AppJwt.Create(AppId!.Value, PrivateKey!, now);
}

/// <summary>A GitHub App that was made on the page.</summary>
internal sealed record MadeApp
{
    /// <summary>Its number.</summary>
    public required long Id { get; init; }

    /// <summary>Its name in addresses.</summary>
    public required string Slug { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its page at GitHub.</summary>
    public required string Page { get; init; }

    /// <summary>Its private key, as PEM.</summary>
    public required string PrivateKey { get; init; }

    /// <summary>What GitHub signs its webhooks with; null: it has no webhook.</summary>
    public string? WebhookSecret { get; init; }
}
