using System.CommandLine;
using System.Globalization;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary><c>token …</c> and <c>audit</c>.</summary>
internal static class AdministrationVerbs
{
    private static readonly string[] Scopes = ["read", "run", "approve", "admin"];

    public static IEnumerable<Command> Create(ClientScope scope)
    {
        yield return ClientScope.Bare("token", "tokens for the API: list, create, remove", List(scope), Make(scope), Remove(scope));
        yield return Audit(scope);
    }

    private static Command List(ClientScope scope)
    {
        var json = ClientScope.Json();
        return scope.Verb("ls", "list them", async call =>
        {
            var tokens = (await call.Api.GetAsync(ApiRoutes.Tokens, ApiJson.Default.ApiTokenList, call.Stop)).Items;
            return call.Print(json, tokens, items => TextTable.Of(call.Style, ["ID", "NAME", "SCOPES", "EXPIRES", "LAST USED"], items.Select(t => (string[])
            [
                t.Id, RunText.Safe(t.Name), string.Join(',', t.Scopes), t.ExpiresAt?.ToString("u", CultureInfo.InvariantCulture) ?? "never",
                t.LastUsedAt is { } used ? SizeText.Of(call.Now - used) + " ago" : "never",
            ])));
        }, json);
    }

    private static Command Make(ClientScope scope)
    {
        var name = new Argument<string>("NAME") { Description = "for people: who or what has it" };
        var scopes = new Option<string[]>("--scope") { Description = "what it may do, with commas or repeated: read, run, approve, admin (default: read)", HelpName = "LIST", AllowMultipleArgumentsPerToken = true };
        scopes.CompletionSources.Add(Scopes);
        var valid = new Option<string?>("--valid-for") { Description = "how long, as 12h or 90d (default: until it is removed)", HelpName = "TIME" };
        var json = ClientScope.Json();
        return scope.Verb("create", "make one; it is shown this once", async call =>
        {
            var body = new NewApiToken
            {
                Name = call.Get(name)!,
                Scopes = ScopesOf(call.Get(scopes) ?? []),
                ValidForSeconds = AgentVerbs.SecondsOf(call.Get(valid), "--valid-for"),
            };
            var created = await call.Api.SendAsync(HttpMethod.Post, ApiRoutes.Tokens, body, ApiJson.Default.NewApiToken, ApiJson.Default.CreatedApiToken, call.Stop);
            return call.Print(json, created, c => c.Token + "\n");
        }, name, scopes, valid, json);
    }

    // An empty list is one that names nothing, as `--scope ""` of a script whose variable is not set: that must not become a right to read.
    private static string[] ScopesOf(string[] given)
    {
        string[] all = [.. given.SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries)).Distinct()];
        return all.FirstOrDefault(one => !Scopes.Contains(one)) is { } unknown
            ? throw new CliException(ExitCode.Usage, $"--scope takes a list of {string.Join(", ", Scopes)}; '{unknown}' is none of them")
            : all.Length == 0 ? ["read"] : all;
    }

    private static Command Remove(ClientScope scope)
    {
        var id = new Argument<string>("ID") { Description = "its id in 'token ls'" };
        return scope.Removal("remove one: it opens nothing any more", call => $"remove the token {call.Get(id)}", call => ApiRoutes.With(ApiRoutes.TokenById, "id", call.Get(id)!), id);
    }

    private static Command Audit(ClientScope scope)
    {
        var json = ClientScope.Json();
        var limit = new Option<int>("--limit") { Description = "at most so many", HelpName = "N", DefaultValueFactory = _ => 50 }.Between(1, 500);
        var subject = new Option<string?>("--subject") { Description = "only what was done to this", HelpName = "NAME" };
        return scope.Verb("audit", "who did what, newest first", async call =>
        {
            var path = ClientQuery.Path(ApiRoutes.Audit, ("limit", call.Get(limit).ToString(CultureInfo.InvariantCulture)), ("subject", call.Get(subject)));
            var entries = (await call.Api.GetAsync(path, ApiJson.Default.AuditList, call.Stop)).Items;
            return call.Print(json, entries, items => TextTable.Of(call.Style, ["AT", "WHO", "DID", "TO", "DETAIL"], items.Select(e => (string[])
            [
                e.At.ToString("u", CultureInfo.InvariantCulture), RunText.Safe(e.Actor), RunText.Safe(e.Action), RunText.Safe(e.Subject), RunText.Safe(e.Detail),
            ])));
        }, subject, limit, json);
    }
}
