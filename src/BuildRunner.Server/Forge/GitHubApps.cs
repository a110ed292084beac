using System.Text;
using System.Text.Json;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Forge;

/// <summary>Keeps the app that GitHub made of our manifest: its key and webhook secret sealed, one row for all servers of an installation.</summary>
internal sealed class GitHubApps(Database database, KeyRing keys, GitHubLogin login, GitHubConnections connections, TimeProvider time)
{
    private const string Key = "github.app";
    private const int MaxCode = 200;
    private string? loaded;

    /// <summary>Whether a text can be what GitHub sends a browser back with.</summary>
    public static bool IsCode(string? code) => code is { Length: > 0 and <= MaxCode } && code.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>Exchanges the code that GitHub sent the browser back with for the app, keeps it, and uses it from now on. A code counts once, and for an hour.</summary>
    /// <exception cref="ForgeException">GitHub does not know the code, or cannot be asked.</exception>
    public async Task<MadeApp> TakeAsync(string code, string who, CancellationToken cancellationToken)
    {
        ManifestReply reply;
        try
        {
            reply = await connections.AsNobody()
                .Post<ManifestReply>(new Uri($"app-manifests/{Uri.EscapeDataString(code)}/conversions", UriKind.Relative), new object(), "application/vnd.github+json", cancellationToken);
        }
        catch (Exception e) when (GitHubFaults.IsFault(e) && !cancellationToken.IsCancellationRequested)
        {
            throw GitHubFaults.Translate(e, "the app that GitHub made", time.GetUtcNow());
        }

        if (reply is not { Id: > 0, Pem: { } pem, Slug: { } slug } || AppJwt.WhyNoKey(pem) is not null)
        {
            throw new ForgeException(ForgeFault.Refused, "GitHub's answer has no app with a private key in it");
        }

        var app = new MadeApp { Id = reply.Id, Slug = slug, Name = reply.Name ?? slug, Page = reply.HtmlUrl ?? "", PrivateKey = pem, WebhookSecret = reply.WebhookSecret };
        var stored = new StoredApp(app.Id, app.Slug, app.Name, app.Page, Seal(app));
        await database.WriteAsync(turn => KeepAsync(turn, stored, who), cancellationToken);
        login.Use(app);
        return app;
    }

    /// <summary>Uses what is kept, as another server of the installation may have made it.</summary>
    /// <exception cref="SecretException">Its master key is not here.</exception>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        var text = await database.SettingAsync(Key, cancellationToken);
        if (text == loaded)
        {
            return;
        }

        login.Use(text is null ? null : Open(JsonSerializer.Deserialize(text, StoredJson.Default.StoredApp)!));
        loaded = text;
    }

    /// <summary>The app that is kept; null: none.</summary>
    public static async Task<MadeApp?> ReadAsync(Database database, KeyRing keys, CancellationToken cancellationToken)
    {
        var text = await database.ReadAsync(db => db.Settings.Where(s => s.Key == Key).Select(s => s.Value).SingleOrDefaultAsync(cancellationToken), cancellationToken);
        return text is null ? null : Open(keys, JsonSerializer.Deserialize(text, StoredJson.Default.StoredApp)!);
    }

    /// <summary>Seals it with the current master key, after a rotation.</summary>
    /// <returns>How many values were sealed anew.</returns>
    public static async Task<int> RotateAsync(WriteTurn turn, KeyRing keys)
    {
        if (await turn.Db.Settings.AsTracking().SingleOrDefaultAsync(s => s.Key == Key) is not { } row)
        {
            return 0;
        }

        var app = JsonSerializer.Deserialize(row.Value, StoredJson.Default.StoredApp)!;
        if (keys.Reseal(app.Sealed, Place(app.Id)) is not { } box)
        {
            return 0;
        }

        row.Value = JsonSerializer.Serialize(app with { Sealed = box }, StoredJson.Default.StoredApp);
        return 1;
    }

    /// <summary>The id of the master key that sealed it; null: there is none.</summary>
    public static async Task<string?> KeyIdAsync(Db db, CancellationToken cancellationToken)
    {
        var text = await db.Settings.Where(s => s.Key == Key).Select(s => s.Value).SingleOrDefaultAsync(cancellationToken);
        return text is null ? null : KeyRing.KeyIdOf(JsonSerializer.Deserialize(text, StoredJson.Default.StoredApp)!.Sealed);
    }

    private static async Task KeepAsync(WriteTurn turn, StoredApp app, string who)
    {
        var text = JsonSerializer.Serialize(app, StoredJson.Default.StoredApp);
        if (await turn.Db.Settings.Where(s => s.Key == Key).ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, text)) == 0)
        {
            turn.Db.Add(new SettingRow { Key = Key, Value = text });
        }

        turn.Audit(who, "github.app_made", app.Slug, $"app {app.Id}");
    }

    private byte[] Seal(MadeApp app)
    {
        var secrets = new Dictionary<string, string> { ["key"] = app.PrivateKey };
        if (app.WebhookSecret is { } secret)
        {
            secrets["webhook"] = secret;
        }

        return keys.Seal(JsonSerializer.SerializeToUtf8Bytes(secrets, StoredJson.Default.DictionaryStringString), Place(app.Id));
    }

    private MadeApp Open(StoredApp app) => Open(keys, app);

    private static MadeApp Open(KeyRing keys, StoredApp app)
    {
        var secrets = JsonSerializer.Deserialize(keys.Open(app.Sealed, Place(app.Id)), StoredJson.Default.DictionaryStringString)!;
        return new MadeApp { Id = app.Id, Slug = app.Slug, Name = app.Name, Page = app.Page, PrivateKey = secrets["key"], WebhookSecret = secrets.GetValueOrDefault("webhook") };
    }

    // What is sealed is bound to: a row that was changed to another app's number does not open.
    private static byte[] Place(long app) => Encoding.UTF8.GetBytes($"github app\n{app}");
}

/// <summary>As it lies in the database.</summary>
internal sealed record StoredApp(long Id, string Slug, string Name, string Page, byte[] Sealed);

/// <summary>What is read of the app that GitHub made of a manifest.</summary>
public sealed class ManifestReply
{
    /// <summary>Its number.</summary>
    public long Id { get; set; }

    /// <summary>Its name in addresses.</summary>
    public string? Slug { get; set; }

    /// <summary>Its name.</summary>
    public string? Name { get; set; }

    /// <summary>Its page.</summary>
    public string? HtmlUrl { get; set; }

    /// <summary>Its private key.</summary>
    public string? Pem { get; set; }

    /// <summary>What its webhooks are signed with; null: it has none.</summary>
    public string? WebhookSecret { get; set; }
}
