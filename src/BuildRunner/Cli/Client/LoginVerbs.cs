using System.CommandLine;
using System.Globalization;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary><c>login</c>, <c>logout</c>, <c>whoami</c>, <c>context</c>: which server, and as whom.</summary>
internal static class LoginVerbs
{
    /// <summary>The query's name in a one-time link.</summary>
    public const string LinkCode = "token";

    public static IEnumerable<Command> Create(ClientScope scope)
    {
        yield return Login(scope);
        yield return Logout(scope);
        yield return WhoAmI(scope);
        yield return ClientScope.Bare("context", "the servers that you have logged in to", List(scope), Use(scope));
    }

    private static Command Login(ClientScope scope)
    {
        var address = new Argument<string>("URL") { Description = "the server's address, or the one-time link that it printed" };
        var name = new Option<string?>("--name") { Description = "what to call it (default: its host)", HelpName = "NAME" };
        var command = ClientScope.Bare("login", "log in to a server; the token is asked for, or read from standard input", address, name);
        command.SetAction(async (parsed, stop) =>
        {
            var host = scope.Globals.Apply(parsed, scope.Host);
            var (url, code) = Link(parsed.GetValue(address)!);
            var (token, until) = code is null ? (await AskForTokenAsync(host, url, stop), null) : await RedeemAsync(url, code, stop);
            using var api = new ApiClient(new ServerAddress(url, token) { TokenIsNew = code is null });
            var me = await api.GetAsync(ApiRoutes.WhoAmI, ApiJson.Default.WhoAmI, stop);
            var known = KnownServers.Read(host);
            var called = parsed.GetValue(name) ?? url.Authority;
            known.Keep(new KnownServer(called, url.ToString(), token, me.Name));
            host.Say($"logged in to {url} as {RunText.Safe(me.Name)} ({string.Join(", ", me.Scopes)}); kept in {known.Path}\n");
            if (until is { } end)
            {
                host.Say(string.Create(CultureInfo.InvariantCulture, $"this login ends on {end.UtcDateTime:yyyy-MM-dd}; then a new link is needed (buildrunner server link), or a token that lasts (buildrunner token create)\n"));
            }

            if (url.Scheme == "http" && !url.IsLoopback)
            {
                host.Say("note: the connection is not encrypted; whoever is on the way can read the token\n");
            }

            return (int)ExitCode.Success;
        });
        return command;
    }

    private static Command Logout(ClientScope scope)
    {
        var command = ClientScope.Bare("logout", "forget the login to a server", scope.Server);
        command.SetAction((parsed, _) =>
        {
            var host = scope.Globals.Apply(parsed, scope.Host);
            var known = KnownServers.Read(host);
            var named = parsed.GetValue(scope.Server);
            if ((named is null ? known.Current : known.Find(named)) is not { } server)
            {
                throw new CliException(ExitCode.NotAllowed, named is null ? "nobody is logged in" : $"there is no login {named}; 'buildrunner context ls' lists them");
            }

            known.Forget(server);
            host.Say($"the login to {server.Url} is forgotten here; its token is still valid until an administrator removes it: buildrunner token rm\n");
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static Command WhoAmI(ClientScope scope)
    {
        var json = ClientScope.Json();
        return scope.Verb("whoami", "who you are to the server, and what you may do", async call =>
        {
            var me = await call.Api.GetAsync(ApiRoutes.WhoAmI, ApiJson.Default.WhoAmI, call.Stop);
            return call.Print(json, me, m => $"{RunText.Safe(m.Name)} at {call.Api.Url}\nscopes   {string.Join(", ", m.Scopes)}\nserver   {RunText.Safe(m.ServerVersion)}\n");
        }, json);
    }

    private static Command List(ClientScope scope)
    {
        var command = ClientScope.Bare("ls", "list them; * is in use");
        command.SetAction((parsed, _) =>
        {
            var host = scope.Globals.Apply(parsed, scope.Host);
            var known = KnownServers.Read(host);
            var current = known.Current?.Name;
            host.Print(known.All.Count == 0
                ? "no login yet: buildrunner login URL\n"
                : TextTable.Of(
                    scope.Globals.StyleOf(parsed, host) with { Colour = false },
                    ["", "NAME", "ADDRESS", "USER"],
                    known.All.Select(s => (string[])[s.Name == current ? "*" : "", s.Name, s.Url, RunText.Safe(s.User)])));
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static Command Use(ClientScope scope)
    {
        var name = new Argument<string>("NAME") { Description = "a name of 'context ls'" };
        var command = ClientScope.Bare("use", "use this server from now on", name);
        command.SetAction((parsed, _) =>
        {
            var host = scope.Globals.Apply(parsed, scope.Host);
            var known = KnownServers.Read(host);
            var wanted = parsed.GetValue(name)!;
            known.Use(known.Find(wanted) ?? throw new CliException(ExitCode.Usage, $"there is no login {wanted}; 'buildrunner context ls' lists them"));
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    // A link is LINK-PAGE?token=…; anything else is the server's own address.
    private static (Uri Url, string? Code) Link(string text)
    {
        if (!ServerAddress.TryParse(text, out var url))
        {
            throw new CliException(ExitCode.Usage, $"'{text}' is not the address of a server, as https://ci.example.org");
        }

        var query = new Uri(text).Query.TrimStart('?').Split('&').Select(p => p.Split('=', 2)).FirstOrDefault(p => p is [LinkCode, _]);
        if (query is null)
        {
            return (url, null);
        }

        var page = url.AbsolutePath.TrimEnd('/');
        var below = page.EndsWith(ApiRoutes.LinkPage, StringComparison.Ordinal) ? page[..^ApiRoutes.LinkPage.Length] : page;
        return (new Uri(url, below + "/"), Uri.UnescapeDataString(query[1]));
    }

    private static async Task<(string Token, DateTimeOffset? Until)> RedeemAsync(Uri url, string code, CancellationToken stop)
    {
        using var api = new ApiClient(new ServerAddress(url, null));
        var created = await api.SendAsync(HttpMethod.Post, ApiRoutes.RedeemLink, new RedeemLink(code), ApiJson.Default.RedeemLink, ApiJson.Default.CreatedApiToken, stop);
        return (created.Token, created.Info.ExpiresAt);
    }

    // Nobody types a secret for an address at which there is no server. A server that wants to know who asks says so in the API's own form.
    private static async Task<string> AskForTokenAsync(CliHost host, Uri url, CancellationToken stop)
    {
        using (var api = new ApiClient(new ServerAddress(url, null)))
        {
            await api.RequireServerAsync(stop);
        }

        if (host.Terminal.InputIsTerminal)
        {
            host.Say($"token for {url} (an administrator makes one with: buildrunner token create): ");
        }

        var token = (host.Terminal.InputIsTerminal ? host.ReadHidden() : host.ReadLine())?.Trim();
        return token is { Length: > 0 } ? token : throw new CliException(ExitCode.Usage, "no token was given; type it, or send it to standard input");
    }
}
