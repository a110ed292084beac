using System.Net;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Api;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Routing;

namespace BuildRunner.Server.Tests.Api;

/// <summary>Deny by default: goes over every endpoint there is, so that one that is added later is looked at too.</summary>
public sealed class Every_endpoint_refuses
{
    /// <summary>Endpoints that anybody may call, each for a reason.</summary>
    private static readonly string[] Open =
    [
        "/healthz", "/readyz",
        AgentRoutes.Register, // The one-time token is in the body.
        TriggerRoutes.GitHub, TriggerRoutes.Hook, // Whoever posts there proves with a signature that the secret is known.
        "/login/link", "/logout", "/login", ApiRoutes.RedeemLink, // Begin and end a session.
        "/assets/{version}/{name}", "/favicon.ico", "/problem/{status:int}", // What the page for signing in is made of.
        "/badge/{owner}/{file}", // Read-me files show it; tells strangers of open repositories only.
        "/api/{documentName}.json", // Says what is in the sources anyway.
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whoever_has_no_token_a_wrong_one_or_an_agents_one()
    {
        await using var server = await HttpServer.StartAsync();
        var agent = await server.AgentAsync();
        var wrong = server.With("brt_" + new string('x', 43));
        foreach (var (method, path, scope) in Endpoints(server))
        {
            Assert.Equal((path, HttpStatusCode.Unauthorized), (path, await StatusAsync(server.Http, method, path)));
            Assert.Equal((path, HttpStatusCode.Unauthorized), (path, await StatusAsync(wrong, method, path)));
            if (scope is not null)
            {
                Assert.Equal((path, HttpStatusCode.Forbidden), (path, await StatusAsync(agent, method, path)));
            }
        }
    }

    [Fact]
    public async Task Whoever_has_a_token_whose_scope_does_not_reach_and_nobody_else()
    {
        await using var server = await HttpServer.StartAsync();
        var clients = new Dictionary<string, HttpClient>();
        foreach (var scope in Scopes.All)
        {
            clients[scope] = server.With(await server.ApiTokenAsync(scope));
        }

        var api = Endpoints(server).Where(e => e.Scope is not null).ToList();
        Assert.True(api.Count >= 30, "the API has at least thirty endpoints");
        foreach (var (method, path, needs) in api)
        {
            foreach (var (has, client) in clients)
            {
                var reaches = needs == Scopes.Any || has == needs || has == Scopes.Admin;
                Assert.Equal((method, path, has, reaches), (method, path, has, await StatusAsync(client, method, path) != HttpStatusCode.Forbidden));
            }
        }
    }

    [Fact]
    public async Task Agents_are_not_people_and_people_are_no_agents()
    {
        await using var server = await HttpServer.StartAsync();
        var admin = server.With(await server.ApiTokenAsync(Scopes.Admin));
        foreach (var (method, path, _) in Endpoints(server).Where(e => e.Path.StartsWith("/agent/", StringComparison.Ordinal)))
        {
            Assert.Equal((path, HttpStatusCode.Forbidden), (path, await StatusAsync(admin, method, path)));
        }
    }

    [Fact]
    public async Task What_another_site_makes_a_browser_send()
    {
        await using var server = await HttpServer.StartAsync();
        var link = await server.Get<ApiTokens>().CreateLinkAsync("kim", [Scopes.Admin], Cancel);
        var session = await server.Get<ApiTokens>().SignInAsync(link, Cancel);
        using var browser = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { BaseAddress = server.Http.BaseAddress };
        browser.DefaultRequestHeaders.Add("Cookie", $"buildrunner={session}");
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser, "GET", ApiRoutes.WhoAmI));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(browser, "POST", ApiRoutes.QueueResume));

        // Routes have no case.
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(browser, "POST", ApiRoutes.QueueResume.Replace("/api", "/API", StringComparison.Ordinal)));
        browser.DefaultRequestHeaders.Add("X-BuildRunner", "1");
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(browser, "POST", ApiRoutes.QueueResume));
    }

    [Fact]
    public async Task A_link_as_a_token()
    {
        await using var server = await HttpServer.StartAsync();
        var link = await server.Get<ApiTokens>().CreateLinkAsync("kim", [Scopes.Admin], Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server.With(link), "GET", ApiRoutes.WhoAmI));
    }

    [Fact]
    public async Task And_the_description_tells_of_every_one_of_them()
    {
        await using var server = await HttpServer.StartAsync();
        using var description = System.Text.Json.JsonDocument.Parse(await server.Http.GetStringAsync("/api/openapi.json", Cancel));
        var described = description.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(p => p.Value.EnumerateObject().Where(m => m.Name is "get" or "post" or "put" or "patch" or "delete").Select(m => (m.Name.ToUpperInvariant(), p.Name))).Order();
        var mapped = server.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(e => e.Metadata.GetMetadata<ApiScope>() is not null)
            .SelectMany(e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(m => (m, "/" + e.RoutePattern.RawText!.TrimStart('/')))).Order();
        Assert.Equal(mapped, described);
        var details = description.RootElement.GetProperty("components").GetProperty("schemas").GetProperty("RunDetails").GetProperty("properties");
        Assert.True(details.TryGetProperty("workflows", out _));
    }

    [Fact]
    public async Task Anybody_who_wants_more_than_to_look_where_everybody_may_look()
    {
        await using var server = await HttpServer.StartAsync(o => o with { PublicRead = true });
        foreach (var (method, path, needs) in Endpoints(server).Where(e => e.Scope is not null))
        {
            var open = needs is Scopes.Read or Scopes.Any;
            Assert.Equal((method, path, open), (method, path, await StatusAsync(server.Http, method, path) is not (HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized)));
        }
    }

    [Fact]
    public async Task Whoever_is_nobody_and_listens_to_too_many_streams_at_once()
    {
        await using var server = await HttpServer.StartAsync(o => o with { PublicRead = true });
        var run = await RunAsync(server);
        using var anybody = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { BaseAddress = server.Http.BaseAddress };

        // A cookie that is none of ours makes nobody somebody.
        anybody.DefaultRequestHeaders.Add("Cookie", "a=b");
        var open = new List<HttpResponseMessage>();
        try
        {
            for (var i = 0; i < 60; i++)
            {
                open.Add(await anybody.GetAsync(run, HttpCompletionOption.ResponseHeadersRead, Cancel));
            }

            Assert.Equal(50, open.Count(r => r.StatusCode == HttpStatusCode.OK));
            Assert.Equal(10, open.Count(r => r.StatusCode == HttpStatusCode.TooManyRequests));
            using var reader = await server.With(await server.ApiTokenAsync(Scopes.Read)).GetAsync(run, HttpCompletionOption.ResponseHeadersRead, Cancel);
            Assert.Equal(HttpStatusCode.OK, reader.StatusCode);
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(anybody, "GET", ApiRoutes.WhoAmI));
        }
        finally
        {
            open.ForEach(r => r.Dispose());
        }
    }

    [Fact]
    public async Task What_is_not_there_with_a_word_that_is_not_about_scopes()
    {
        await using var server = await HttpServer.StartAsync();
        var admin = server.With(await server.ApiTokenAsync(Scopes.Admin));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(admin, "GET", "/api/v1/nothing"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, await StatusAsync(admin, "DELETE", ApiRoutes.WhoAmI));
        using var form = new StringContent("{}", System.Text.Encoding.UTF8, "application/x-www-form-urlencoded");
        using var answer = await admin.PostAsync(ApiRoutes.QueuePause, form, Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Whoever_guesses_too_often()
    {
        await using var server = await HttpServer.StartAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => StatusAsync(server.Http, "GET", ApiRoutes.WhoAmI)));
        Assert.Contains(HttpStatusCode.TooManyRequests, answers);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server.With(await server.ApiTokenAsync(Scopes.Read)), "GET", ApiRoutes.WhoAmI));
    }

    [Theory]
    [InlineData("POST", AgentRoutes.Register)]
    [InlineData("POST", "/logout")]
    [InlineData("GET", "/badge/acme/shop.svg")]
    public async Task Whoever_is_nobody_and_makes_the_database_work_too_often(string method, string path)
    {
        await using var server = await HttpServer.StartAsync();
        var agent = await server.AgentAsync();
        using var nobody = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = server.Http.BaseAddress };

        // What a call costs comes back with time, so on a machine that is slow it takes more of them.
        var answers = new HashSet<HttpStatusCode>();
        for (var i = 0; i < 100 && !answers.Contains(HttpStatusCode.TooManyRequests); i++)
        {
            answers.UnionWith(await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => StatusAsync(nobody, method, path))));
        }

        Assert.Contains(HttpStatusCode.TooManyRequests, answers);

        // Agents are not counted among them, though they call from the same address.
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(agent, "POST", AgentRoutes.Heartbeat));
    }

    // The address of a stream that goes on: of a run that waits for an agent.
    private static async Task<string> RunAsync(HttpServer server)
    {
        var repository = new RepositoryRow { Id = Guid.CreateVersion7(), Name = "acme/shop", Key = "acme/shop", CloneUrl = "https://forge.example/acme/shop", DefaultBranch = "main", Settings = "{}", CreatedAt = DateTimeOffset.UnixEpoch };
        await server.Get<Database>().WriteAsync(
            turn =>
            {
                turn.Db.Add(repository);
                return Task.CompletedTask;
            },
            Cancel);
        var plan = TestPlans.Steps("build");
        var run = await server.Get<RunRegister>().CreateAsync(new NewRun { Repository = repository.Id, Plan = plan, Event = plan.Event, Title = "test", Author = "kim", Trust = TestPlans.Trusted }, Cancel);
        return ApiRoutes.For(ApiRoutes.RunEvents, "acme/shop", run.Number);
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string method, string path)
    {
        // Without a body, so that what is let through changes nothing.
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        return response.StatusCode;
    }

    private static List<(string Method, string Path, string? Scope)> Endpoints(HttpServer server) =>
    [
        .. from endpoint in server.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
           let path = "/" + endpoint.RoutePattern.RawText!.TrimStart('/')
           where !Open.Contains(path)
           from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
           select (method, Filled(path), endpoint.Metadata.GetMetadata<ApiScope>()?.Scope),
    ];

    private static string Filled(string path) => path
        .Replace("{owner}", "acme", StringComparison.Ordinal).Replace("{name}", "nothing", StringComparison.Ordinal).Replace("{number}", "1", StringComparison.Ordinal)
        .Replace("{id}", Guid.NewGuid().ToString("N"), StringComparison.Ordinal).Replace("{agent}", "nobody", StringComparison.Ordinal)
        .Replace("{secret}", "s", StringComparison.Ordinal).Replace("{host}", "registry.example", StringComparison.Ordinal)
        .Replace("{schedule}", "s", StringComparison.Ordinal).Replace("{hook}", "h", StringComparison.Ordinal).Replace("{**path}", "", StringComparison.Ordinal);
}
