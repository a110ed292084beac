using System.Security.Claims;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Access;

/// <summary>Tokens for the API.</summary>
internal sealed class ApiTokens(Database database)
{
    private static readonly TimeSpan NoteUseEvery = TimeSpan.FromMinutes(1);

    /// <summary>Makes one. Its text is told now and never again.</summary>
    public Task<(Guid Id, string Token)> CreateAsync(string name, IReadOnlyList<string> scopes, TimeSpan? validFor, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(
            turn =>
            {
                var token = Tokens.New(Tokens.ApiPrefix);
                var row = new ApiTokenRow
                {
                    Id = Guid.CreateVersion7(turn.Now),
                    Name = name,
                    Hash = Tokens.Hash(token),
                    Scopes = string.Join(' ', scopes),
                    CreatedAt = turn.Now,
                    ExpiresAt = validFor is { } time ? turn.Now + time : null,
                };
                turn.Db.Add(row);
                turn.Audit(who, "token.created", name, row.Scopes);
                return Task.FromResult((row.Id, token));
            },
            cancellationToken);

    /// <summary>Ends one.</summary>
    /// <returns>False if there is none of that id.</returns>
    public Task<bool> DeleteAsync(Guid id, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                turn.Audit(who, "token.deleted", id.ToString("N"), "");
                return await turn.Db.ApiTokens.Where(t => t.Id == id).ExecuteDeleteAsync() > 0;
            },
            cancellationToken);

    /// <summary>Who somebody with this token is; empty: nobody.</summary>
    public async Task<List<Claim>> FindAsync(string token, CancellationToken cancellationToken)
    {
        var hash = Tokens.Hash(token);
        var (row, now) = await database.ReadAsync(
            async db => (await db.ApiTokens.SingleOrDefaultAsync(t => t.Hash == hash, cancellationToken), await database.NowAsync(db)),
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
}
