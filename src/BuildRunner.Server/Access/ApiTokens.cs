using System.Globalization;
using System.Security.Claims;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Access;

/// <summary>Tokens for the API, sessions of browsers, and links that begin one.</summary>
internal sealed class ApiTokens(Database database)
{
    /// <summary>How long a link signs a browser or a command line in.</summary>
    public static readonly TimeSpan SessionLength = TimeSpan.FromDays(30);

    private static readonly TimeSpan LinkLength = TimeSpan.FromHours(1);
    private static readonly TimeSpan NoteUseEvery = TimeSpan.FromMinutes(1);

    /// <summary>Makes one. Its text is told now and never again.</summary>
    public Task<(Guid Id, string Token)> CreateAsync(string name, IReadOnlyList<string> scopes, TimeSpan? validFor, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(
            turn =>
            {
                var (row, token) = New(turn, ApiTokenKind.Api, Tokens.ApiPrefix, name, string.Join(' ', scopes), validFor);
                turn.Audit(who, "token.created", name, row.Scopes);
                return Task.FromResult((row.Id, token));
            },
            cancellationToken);

    /// <summary>Makes a link's token: it signs one browser in, once, within the hour.</summary>
    public Task<string> CreateLinkAsync(string name, IReadOnlyList<string> scopes, CancellationToken cancellationToken) => database.WriteAsync(
        turn =>
        {
            turn.Audit("server", "link.created", name, string.Join(' ', scopes));
            return Task.FromResult(New(turn, ApiTokenKind.Link, Tokens.LinkPrefix, name, string.Join(' ', scopes), LinkLength).Token);
        },
        cancellationToken);

    /// <summary>Makes a session of a link's token, or of one for the API, which it does not outlive.</summary>
    /// <returns>The session's token; null: that token is not valid, or not any more.</returns>
    public Task<string?> SignInAsync(string token, CancellationToken cancellationToken)
    {
        var hash = Tokens.Hash(token);
        return database.WriteAsync<string?>(
            async turn =>
            {
                var found = turn.Db.ApiTokens.Where(t => t.Hash == hash && t.Kind != ApiTokenKind.Session && (t.ExpiresAt == null || t.ExpiresAt > turn.Now));
                if (await found.SingleOrDefaultAsync() is not { } row || (row.Kind == ApiTokenKind.Link && await found.ExecuteDeleteAsync() != 1))
                {
                    return null;
                }

                turn.Audit(row.Name, "session.begun", row.Name, row.Scopes);
                var left = row.Kind == ApiTokenKind.Api && row.ExpiresAt is { } ends && ends - turn.Now < SessionLength ? ends - turn.Now : SessionLength;
                return New(turn, ApiTokenKind.Session, Tokens.SessionPrefix, row.Name, row.Scopes, left, row.Kind == ApiTokenKind.Api ? row.Id : null).Token;
            },
            cancellationToken);
    }

    /// <summary>Makes a token for the API of a link's, for a command line: as a browser's session it ends by itself.</summary>
    /// <returns>Null: that link is not valid, or not any more.</returns>
    public Task<(ApiToken Info, string Token)?> RedeemAsync(string link, CancellationToken cancellationToken)
    {
        var hash = Tokens.Hash(link);
        return database.WriteAsync<(ApiToken, string)?>(
            async turn =>
            {
                var found = turn.Db.ApiTokens.Where(t => t.Hash == hash && t.Kind == ApiTokenKind.Link && t.ExpiresAt > turn.Now);
                if (await found.SingleOrDefaultAsync() is not { } row || await found.ExecuteDeleteAsync() != 1)
                {
                    return null;
                }

                turn.Audit(row.Name, "token.created", row.Name, row.Scopes);
                var (made, token) = New(turn, ApiTokenKind.Api, Tokens.ApiPrefix, row.Name, row.Scopes, SessionLength);
                return (Info(made), token);
            },
            cancellationToken);
    }

    /// <summary>Ends a session.</summary>
    public Task SignOutAsync(string session, CancellationToken cancellationToken)
    {
        var hash = Tokens.Hash(session);
        return database.WriteAsync(turn => turn.Db.ApiTokens.Where(t => t.Hash == hash && t.Kind == ApiTokenKind.Session).ExecuteDeleteAsync(), cancellationToken);
    }

    /// <summary>Ends a token, and the sessions that it began.</summary>
    /// <returns>False if there is none of that id.</returns>
    public Task<bool> DeleteAsync(Guid id, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                var name = await turn.Db.ApiTokens.Where(t => t.Id == id).Select(t => t.Name).SingleOrDefaultAsync();
                if (name is not null)
                {
                    turn.Audit(who, "token.deleted", name, id.ToString("N"));
                }

                return await turn.Db.ApiTokens.Where(t => t.Id == id || t.Parent == id).ExecuteDeleteAsync() > 0;
            },
            cancellationToken);

    /// <summary>Tokens for the API, oldest first, and browsers that a link signed in: no token ends with those, so they are ended by themselves.</summary>
    public async Task<List<ApiToken>> ListAsync(CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            db => db.ApiTokens.Where(t => t.Kind == ApiTokenKind.Api || (t.Kind == ApiTokenKind.Session && t.Parent == null)).OrderBy(t => t.Id).ToListAsync(cancellationToken), cancellationToken);
        return rows.ConvertAll(row => row.Kind == ApiTokenKind.Session ? Info(row) with { Name = $"{row.Name} (browser)" } : Info(row));
    }

    /// <summary>Whether there is anybody who may do everything.</summary>
    public Task<bool> HasAdministratorAsync(CancellationToken cancellationToken) => database.ReadAsync(
        db => db.ApiTokens.AnyAsync(t => t.Kind != ApiTokenKind.Link && t.Scopes.Contains(Scopes.Admin), cancellationToken), cancellationToken);

    /// <summary>Who somebody with this token is; empty: nobody. A link's token opens nothing but a session.</summary>
    public async Task<List<Claim>> FindAsync(string token, CancellationToken cancellationToken)
    {
        var hash = Tokens.Hash(token);
        var (row, now) = await database.ReadAsync(
            async db => (await db.ApiTokens.SingleOrDefaultAsync(t => t.Hash == hash && t.Kind != ApiTokenKind.Link, cancellationToken), await database.NowAsync(db)),
            cancellationToken);
        if (row is null || row.ExpiresAt <= now)
        {
            return [];
        }

        if (row.LastUsedAt is null || row.LastUsedAt < now - NoteUseEvery)
        {
            DateTimeOffset? used = now;
            await database.WriteAsync(turn => turn.Db.ApiTokens.Where(t => t.Id == row.Id).ExecuteUpdateAsync(set => set.SetProperty(t => t.LastUsedAt, used)), cancellationToken);
        }

        return [new Claim(ClaimTypes.Name, row.Name), .. row.Scopes.Split(' ').Select(s => new Claim(TokenAuthentication.ScopeClaim, s))];
    }

    private static ApiToken Info(ApiTokenRow row) =>
        new(row.Id.ToString("N", CultureInfo.InvariantCulture), row.Name, row.Scopes.Split(' '), row.CreatedAt, row.ExpiresAt, row.LastUsedAt);

    private static (ApiTokenRow Row, string Token) New(WriteTurn turn, ApiTokenKind kind, string prefix, string name, string scopes, TimeSpan? validFor, Guid? parent = null)
    {
        var token = Tokens.New(prefix);
        var row = new ApiTokenRow
        {
            Id = Guid.CreateVersion7(turn.Now),
            Kind = kind,
            Parent = parent,
            Name = name,
            Hash = Tokens.Hash(token),
            Scopes = scopes,
            CreatedAt = turn.Now,
            ExpiresAt = validFor is { } time ? turn.Now + time : null,
        };
        turn.Db.Add(row);
        return (row, token);
    }
}
