using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

/// <summary>Whose token is shown to which server, and what tokens there are.</summary>
public sealed class Logging_in : IAsyncLifetime
{
    private static readonly ApiJson Json = ApiJson.Default;
    private LoggedInCli home = null!;

    private TestCli Cli => home.Cli;

    private ScriptedServer Server => home.Server;

    public async ValueTask InitializeAsync() => home = await LoggedInCli.StartAsync();

    public ValueTask DisposeAsync() => home.DisposeAsync();

    [Fact]
    public async Task A_login_is_kept_for_its_owner_only_and_used_from_then_on()
    {
        Cli.Environment.Remove("BUILDRUNNER_SERVER");
        Cli.Environment.Remove("BUILDRUNNER_TOKEN");
        Server.On("GET", ApiRoutes.WhoAmI, new WhoAmI("kim", ["read", "run"], "0.1.0"), Json.WhoAmI);
        Cli.Input = "brt_secret\n";
        Assert.Equal(0, await Cli.RunAsync("login", Server.Url));
        var file = Path.Combine(Cli.Directory, "buildrunner", "servers.json");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.DoesNotContain("brt_secret", Cli.Error, StringComparison.Ordinal);

        Assert.Equal(0, await Cli.RunAsync("whoami"));
        Assert.Contains("scopes   read, run", Cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await Cli.RunAsync("context", "ls"));
        Assert.Contains(Server.Url, Cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await Cli.RunAsync("logout"));
        Assert.Equal(4, await Cli.RunAsync("whoami"));
        Assert.Contains("buildrunner login URL", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_one_time_link_becomes_a_token()
    {
        Cli.Environment.Remove("BUILDRUNNER_TOKEN");
        Server.On("GET", ApiRoutes.WhoAmI, new WhoAmI("administrator", ["admin"], "0.1.0"), Json.WhoAmI);
        var info = new ApiToken("1", "administrator", ["admin"], Sample.At, new DateTimeOffset(2027, 4, 1, 0, 0, 0, TimeSpan.Zero), null);
        Server.On("POST", ApiRoutes.RedeemLink, new CreatedApiToken(info, "brt_secret"), Json.CreatedApiToken, 201);
        Assert.Equal(0, await Cli.RunAsync("login", Server.Url + "/login/link?token=abc%2Bd", "--name", "home"));
        Assert.Contains("this login ends on 2027-04-01; then a new link is needed", Cli.Error, StringComparison.Ordinal);
        Assert.Contains(Server.Asked, a => a is ("POST", ApiRoutes.RedeemLink, """{"code":"abc\u002Bd"}"""));
        Assert.Equal(0, await Cli.RunAsync("whoami", "--server", "home"));
    }

    [Fact]
    public async Task A_token_that_is_typed_wrong_is_not_said_to_have_been_a_login()
    {
        Cli.Environment.Remove("BUILDRUNNER_TOKEN");
        Cli.Input = "brt_wrong\n";
        Assert.Equal(4, await Cli.RunAsync("login", Server.Url));
        Assert.Contains($"{Server.Url}/ does not know this token: it is mistyped", Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("any more", Cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "cannot be reached")]
    [InlineData(404, "is no BuildRunner server (404); give the address at which BuildRunner itself answers")]
    [InlineData(401, "is no BuildRunner server (401)")]
    [InlineData(302, "answered with 302 (see https://elsewhere.example/); give the address")]
    [InlineData(200, "is it a BuildRunner server")]
    [InlineData(503, "the server cannot do it now (503)")]
    public async Task Where_no_server_answers_nobody_is_asked_for_a_token(int? status, string said)
    {
        await using var other = await ScriptedServer.StartAsync();
        other.Unsigned = http =>
        {
            http.Response.Headers.Location = status == 302 ? "https://elsewhere.example/" : default;
            return ScriptedServer.WriteAsync(http, status ?? 0, "text/html", "<html>welcome</html>");
        };
        var reads = 0;
        Cli.Environment.Remove("BUILDRUNNER_TOKEN");
        Cli.Terminal = TerminalFacts.None with { InputIsTerminal = true, ReadHidden = () => $"brt_{++reads}" };
        Assert.Equal(6, await Cli.RunAsync("login", status is null ? "http://127.0.0.1:1" : other.Url));
        Assert.Contains(said, Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("token for", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, reads);
    }

    [Fact]
    public async Task A_token_is_asked_for_where_a_server_answers_and_only_then_sent()
    {
        Cli.Environment.Remove("BUILDRUNNER_TOKEN");
        Server.On("GET", ApiRoutes.WhoAmI, new WhoAmI("kim", ["read"], "0.1.0"), Json.WhoAmI);
        Cli.Terminal = TerminalFacts.None with { InputIsTerminal = true, ReadHidden = () => Server.Asked.Count == 1 ? "brt_secret" : "asked before it was looked" };
        Assert.Equal(0, await Cli.RunAsync("login", Server.Url));
        Assert.StartsWith($"token for {Server.Url}/ (an administrator makes one with: buildrunner token create): logged in to {Server.Url}/ as kim (read)", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, Server.Asked.Count);
    }

    [Fact]
    public async Task Four_when_nobody_is_logged_in_and_six_when_nobody_answers()
    {
        Cli.Environment["BUILDRUNNER_TOKEN"] = "brt_wrong";
        Assert.Equal(4, await Cli.RunAsync("ls"));
        Assert.Contains("does not take the token of BUILDRUNNER_TOKEN", Cli.Error, StringComparison.Ordinal);
        Cli.Environment.Remove("BUILDRUNNER_TOKEN");
        Assert.Equal(4, await Cli.RunAsync("ls"));
        Assert.Contains("buildrunner login", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(6, await Cli.RunAsync("ls", "--server", "http://127.0.0.1:1"));
        Assert.Contains("cannot be reached", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_does_not_carry_the_token_elsewhere()
    {
        await using var elsewhere = await ScriptedServer.StartAsync();
        Server.On("GET", ApiRoutes.Agents, http =>
        {
            http.Response.Redirect(elsewhere.Url + ApiRoutes.Agents);
            return Task.CompletedTask;
        });
        Assert.Equal(6, await Cli.RunAsync("agents", "ls"));
        Assert.Empty(elsewhere.Asked);
    }

    [Fact]
    public async Task A_page_of_another_server_is_not_asked_of_this_one()
    {
        Assert.Equal(2, await Cli.RunAsync("show", "https://elsewhere.example/acme/shop/runs/12"));
        Assert.Contains("--server", Cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("read,run")]
    [InlineData("read, run")]
    [InlineData("read", "--scope", "run")]
    [InlineData("read", "run")]
    public async Task Scopes_of_a_token_are_a_list_as_the_documentation_writes_it(params string[] scopes)
    {
        var info = new ApiToken("1", "ci", ["read", "run"], Sample.At, null, null);
        Server.On("POST", ApiRoutes.Tokens, new CreatedApiToken(info, "brt_new"), Json.CreatedApiToken, 201);
        Assert.Equal(0, await Cli.RunAsync(["token", "create", "ci", "--scope", .. scopes]));
        var asked = Assert.Single(Server.Asked, a => a.Path == ApiRoutes.Tokens);
        Assert.Equal(["read", "run"], JsonDocument.Parse(asked.Body).RootElement.GetProperty("scopes").EnumerateArray().Select(s => s.GetString()));

        Assert.Equal(2, await Cli.RunAsync("token", "create", "ci", "--scope", "read,everything"));
        Assert.Contains("--scope takes a list of read, run, approve, admin; 'everything' is none of them", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await Cli.RunAsync("token", "create", "ci", "--scope", ""));
    }

    [Fact]
    public async Task A_token_for_an_agent_comes_with_what_to_do_with_it_and_alone_on_standard_output()
    {
        Server.On("POST", ApiRoutes.AgentTokens, new AgentToken("brr_once", Sample.At.AddHours(1)), Json.AgentToken, 201);
        Assert.Equal(0, await Cli.RunAsync("agents", "token"));
        Assert.Equal("brr_once\n", Cli.Output);
        Assert.Contains($"until 2027-03-01 10:58:00Z; on its machine, at the first start: buildrunner agent --server {Server.Url.TrimEnd('/')}/ --token-file FILE", Cli.Error, StringComparison.Ordinal);
    }
}
