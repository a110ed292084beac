using System.Text;
using System.Text.Json;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Repositories;

/// <summary>The repositories that BuildRunner knows, what opens them, and what an administrator set for each.</summary>
internal sealed class RepositoryStore(Database database, KeyRing keys, SourceOptions options)
{
    /// <summary>The repository of that name, whatever its case; null: there is none.</summary>
    public Task<RepositoryRow?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var key = name.ToLowerInvariant();
        return database.ReadAsync(db => db.Repositories.SingleOrDefaultAsync(r => r.Key == key, cancellationToken), cancellationToken);
    }

    /// <summary>All, by name.</summary>
    public Task<List<RepositoryRow>> ListAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.Repositories.OrderBy(r => r.Key).ToListAsync(cancellationToken), cancellationToken);

    /// <summary>Adds one.</summary>
    /// <returns>Null: one of that name is there already.</returns>
    public Task<RepositoryRow?> AddAsync(NewRepository wanted, string who, CancellationToken cancellationToken) => database.WriteAsync<RepositoryRow?>(
        async turn =>
        {
            var key = wanted.Name.ToLowerInvariant();
            if (await turn.Db.Repositories.AnyAsync(r => r.Key == key))
            {
                return null;
            }

            var id = Guid.CreateVersion7(turn.Now);
            var row = new RepositoryRow
            {
                Id = id,
                Name = wanted.Name,
                Key = key,
                CloneUrl = wanted.Url.Text,
                DefaultBranch = wanted.DefaultBranch,
                Settings = JsonSerializer.Serialize(wanted.Settings, StoredJson.Default.RepositorySettings),
                CreatedAt = turn.Now,
                User = wanted.User,
                Credential = Sealed(id, wanted.Credential),
            };
            turn.Db.Add(row);
            turn.Audit(who, "repository.added", wanted.Name, wanted.Url.Text);
            return row;
        },
        cancellationToken);

    /// <summary>Changes one; what is null stays, an empty user or credential is removed.</summary>
    /// <returns>Null: there is none of that id.</returns>
    public Task<RepositoryRow?> ChangeAsync(Guid id, RepositoryChange change, string who, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            if (await turn.Db.Repositories.AsTracking().SingleOrDefaultAsync(r => r.Id == id) is not { } row)
            {
                return null;
            }

            if (change.Url is { } url && LeadsElsewhere(row, url))
            {
                // What opens one host is not shown to another because an address was changed.
                (row.User, row.Credential) = (null, null);
            }

            row.CloneUrl = change.Url?.Text ?? row.CloneUrl;
            row.DefaultBranch = change.DefaultBranch ?? row.DefaultBranch;
            row.User = change.User is null ? row.User : change.User.Length == 0 ? null : change.User;
            row.Credential = change.Credential is null ? row.Credential : Sealed(id, change.Credential);
            row.Settings = change.Settings is null ? row.Settings : JsonSerializer.Serialize(change.Settings, StoredJson.Default.RepositorySettings);
            turn.Audit(who, "repository.changed", row.Name, change.ToString());
            return row;
        },
        cancellationToken);

    /// <summary>Whether an address is of another host, port or way than the one that a repository's credential was given for.</summary>
    public static bool LeadsElsewhere(RepositoryRow row, SourceUrl url) => row.Credential is not null
        && !(Uri.TryCreate(row.CloneUrl, UriKind.Absolute, out var before) && Uri.TryCreate(url.Text, UriKind.Absolute, out var after) && (before.Scheme, before.Authority) == (after.Scheme, after.Authority));

    /// <summary>What an administrator set for it.</summary>
    public static RepositorySettings SettingsOf(RepositoryRow row) => JsonSerializer.Deserialize(row.Settings, StoredJson.Default.RepositorySettings) ?? new RepositorySettings();

    /// <summary>How it is opened.</summary>
    /// <exception cref="SourceException">Its address is not allowed any more.</exception>
    public SourceRemote RemoteOf(RepositoryRow row) =>
        SourceUrl.TryParse(row.CloneUrl, options.LocalFolders, out var url, out var problem)
            ? new SourceRemote(url, row.User, CredentialOf(row.Id, row.Credential))
            : throw new SourceException(SourceFault.NotReadable, $"{row.CloneUrl}: {problem}");

    /// <summary>Opens the credential of a repository; null: it has none.</summary>
    public string? CredentialOf(Guid id, byte[]? box) => box is null ? null : Encoding.UTF8.GetString(keys.Open(box, Place(id)));

    private byte[]? Sealed(Guid id, string? credential) => string.IsNullOrEmpty(credential) ? null : keys.Seal(Encoding.UTF8.GetBytes(credential), Place(id));

    /// <summary>What a sealed credential is bound to.</summary>
    internal static byte[] Place(Guid id) => Encoding.UTF8.GetBytes($"repository\n{id:N}");
}

/// <summary>A repository to be added.</summary>
internal sealed record NewRepository(string Name, SourceUrl Url, string DefaultBranch, string? User, string? Credential, RepositorySettings Settings);

/// <summary>What of a repository is to change.</summary>
internal sealed record RepositoryChange(SourceUrl? Url, string? DefaultBranch, string? User, string? Credential, RepositorySettings? Settings)
{
    /// <summary>For the audit log: what was changed, never the credential.</summary>
    public override string ToString() => string.Join(", ", new[]
    {
        Url is null ? null : $"address {Url.Text}",
        DefaultBranch is null ? null : $"default branch {DefaultBranch}",
        User is null ? null : "user",
        Credential is null ? null : "credential",
        Settings is null ? null : $"settings {JsonSerializer.Serialize(Settings, StoredJson.Default.RepositorySettings)}",
    }.Where(part => part is not null));
}
