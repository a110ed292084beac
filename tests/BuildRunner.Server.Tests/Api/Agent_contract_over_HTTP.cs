using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Tests.Api;

public sealed class Agent_contract_over_HTTP : IAsyncLifetime
{
    private static readonly AgentContractJson Json = AgentContractJson.Default;
    private HttpServer server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => server = await HttpServer.StartAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task A_run_goes_through_the_contract_to_its_end()
    {
        var run = await RunAsync();
        using var agent = await server.AgentAsync();
        await ReportAsync(agent, await ClaimAsync(agent), new WorkResult.Ready());
        var step = await ClaimAsync(agent);
        using (var intent = await HttpServer.SendAsync(agent, AgentRoutes.For(AgentRoutes.Intent, step.Id), new IntentRequest { Fence = step.Fence, Digest = "sha256:00" }, Json.IntentRequest))
        {
            Assert.Equal(HttpStatusCode.NoContent, intent.StatusCode);
        }

        await ReportAsync(agent, step, TestAgent.Ended(new Outcome.Success()));
        await ReportAsync(agent, await ClaimAsync(agent), new WorkResult.Released());
        var stage = await server.Get<Database>().ReadAsync(db => Task.FromResult(db.Runs.Single(r => r.Id == run).Stage), Cancel);
        Assert.Equal(RunStage.Ended, stage);
    }

    [Fact]
    public async Task A_registration_token_works_once()
    {
        var request = new RegisterRequest { Token = await server.RegistrationTokenAsync(), Name = "a" };
        using var first = await HttpServer.SendAsync(server.Http, AgentRoutes.Register, request, Json.RegisterRequest);
        using var second = await HttpServer.SendAsync(server.Http, AgentRoutes.Register, request, Json.RegisterRequest);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Forbidden), (first.StatusCode, second.StatusCode));
    }

    [Fact]
    public async Task Whoever_asks_again_with_the_same_secret_because_the_answer_got_lost_is_the_same_agent()
    {
        var secret = "bra_" + new string('a', 42) + "A";
        var request = new RegisterRequest { Token = await server.RegistrationTokenAsync(), Name = "again", Credential = secret };
        var first = await HttpServer.PostAsync(server.Http, AgentRoutes.Register, request, Json.RegisterRequest, Json.RegisterResponse);
        var second = await HttpServer.PostAsync(server.Http, AgentRoutes.Register, request, Json.RegisterRequest, Json.RegisterResponse);
        Assert.Equal((secret, first.Agent, first.Name), (second.Credential, second.Agent, second.Name));
        foreach (var other in new[] { null, "bra_" + new string('b', 42) + "A", "short", "brt_" + new string('a', 42) + "A" })
        {
            using var refused = await HttpServer.SendAsync(server.Http, AgentRoutes.Register, request with { Credential = other }, Json.RegisterRequest);
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }

        using var weak = await HttpServer.SendAsync(server.Http, AgentRoutes.Register, request with { Token = "brr_" + new string('a', 43) }, Json.RegisterRequest);
        Assert.Equal(HttpStatusCode.Forbidden, weak.StatusCode);
    }

    [Fact]
    public async Task Nobody_gets_anywhere_without_a_credential_or_with_the_wrong_kind()
    {
        using var user = server.With(await server.ApiTokenAsync("admin"));
        using var guess = server.With("bra_" + new string('x', 43));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server.Http, AgentRoutes.Claim));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(guess, AgentRoutes.Claim));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(user, AgentRoutes.Claim));
    }

    [Fact]
    public async Task An_endpoint_that_does_not_say_who_may_call_it_is_closed_to_all()
    {
        using var user = server.With(await server.ApiTokenAsync("admin"));
        using var agent = await server.AgentAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Http.GetAsync("/forgotten", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await user.GetAsync("/forgotten", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await agent.GetAsync("/forgotten", Cancel)).StatusCode);
    }

    [Fact]
    public async Task An_agent_that_is_too_old_is_told_what_to_do()
    {
        using var agent = await server.AgentAsync();
        var hello = new HelloRequest { Version = "9.0.0", Session = Guid.NewGuid(), Slots = 1, Facts = new Dictionary<string, string>() };
        using var response = await HttpServer.SendAsync(agent, AgentRoutes.Hello, hello, Json.HelloRequest);
        Assert.Equal(HttpStatusCode.UpgradeRequired, response.StatusCode);
        Assert.Contains("update the server first", await response.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_JSON_of_the_contract_is_a_bad_request()
    {
        using var agent = await server.AgentAsync();
        using var content = new StringContent("""{"claim":5}""", Encoding.UTF8, "application/json");
        Assert.Equal(HttpStatusCode.BadRequest, (await agent.PostAsync(AgentRoutes.Claim, content, Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_heartbeat_counts_what_was_made_ahead_and_an_agent_that_does_not_say_counts_nothing()
    {
        using var counted = new Counted("buildrunner.container.ahead", "result");
        using var agent = await server.AgentAsync();
        foreach (var told in (string[])["", ",\"ahead\":{\"hits\":3,\"misses\":2}", ",\"ahead\":{\"hits\":-9,\"misses\":9}", ",\"ahead\":null"])
        {
            using var content = new StringContent($$"""{"session":"018f4e5e-0000-7000-8000-000000000001","work":[]{{told}}}""", Encoding.UTF8, "application/json");
            using var answer = await agent.PostAsync(AgentRoutes.Heartbeat, content, Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        await counted.AtLeastAsync("hit", 3);
        await counted.AtLeastAsync("miss", 2);
        Assert.Equal((3, 2), (counted.Of("hit"), counted.Of("miss")));
    }

    [Fact]
    public async Task A_log_is_taken_in_ranges_and_followed_while_it_grows()
    {
        var run = await RunAsync();
        using var agent = await server.AgentAsync();
        await ReportAsync(agent, await ClaimAsync(agent), new WorkResult.Ready());
        var step = await ClaimAsync(agent);
        var log = Frames("one", "two", "three");
        var key = new LogKey(run, step.Id.Value, LogStreams.Output);
        var following = Task.Run(async () => await server.Get<LogReader>().ReadAsync(key, 0, follow: true, Cancel).Select(f => Encoding.UTF8.GetString(f.Frame.Text.Span)).ToListAsync(Cancel), Cancel);

        Assert.Equal((HttpStatusCode.OK, new LogPosition(20, false)), await PutAsync(agent, step, 0, log[..20]));
        Assert.Equal((HttpStatusCode.RequestedRangeNotSatisfiable, new LogPosition(20, false)), await PutAsync(agent, step, 30, log[30..]));
        Assert.Equal((HttpStatusCode.OK, new LogPosition(25, false)), await PutAsync(agent, step, 10, log[10..25]));
        Assert.Equal((HttpStatusCode.RequestedRangeNotSatisfiable, new LogPosition(0, false)), await PutAsync(agent, step, 25, log[25..], new string('0', 64)));
        var digest = Convert.ToHexStringLower(SHA256.HashData(log));
        Assert.Equal((HttpStatusCode.OK, new LogPosition(log.Length, true)), await PutAsync(agent, step, 0, log, digest));
        Assert.Equal((HttpStatusCode.OK, new LogPosition(log.Length, true)), await PutAsync(agent, step, 0, log, digest));
        Assert.Equal(["one", "two", "three"], await following);
    }

    [Fact]
    public async Task A_log_is_taken_after_its_work_has_ended_and_from_nobody_else()
    {
        await RunAsync();
        using var agent = await server.AgentAsync();
        using var other = await server.AgentAsync("b");
        await ReportAsync(agent, await ClaimAsync(agent), new WorkResult.Ready());
        var step = await ClaimAsync(agent);
        await ReportAsync(agent, step, TestAgent.Ended(new Outcome.Lost("it restarted")));
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(agent, step, 0, Frames("late"))).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await PutAsync(other, step, 0, Frames("forged"))).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await PutAsync(agent, step with { Fence = step.Fence - 1 }, 0, Frames("stale"))).Status);
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    [InlineData("")]
    public async Task A_stream_cannot_be_called_so(string name)
    {
        using var agent = await server.AgentAsync();
        using var content = new ByteArrayContent([1]);
        var route = AgentRoutes.ForLog(new WorkId(Guid.NewGuid()), name, 1, 0, null);
        Assert.Equal(HttpStatusCode.BadRequest, (await agent.PutAsync(route, content, Cancel)).StatusCode);
    }

    [Fact]
    public async Task An_upload_that_is_too_large_is_refused()
    {
        using var agent = await server.AgentAsync();
        using var content = new ByteArrayContent(new byte[(256 * 1024) + 1]);
        var route = AgentRoutes.ForLog(new WorkId(Guid.NewGuid()), "output", 1, 0, null);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await agent.PutAsync(route, content, Cancel)).StatusCode);
    }

    [Fact]
    public async Task Health_and_readiness_need_no_credential()
    {
        Assert.Equal("ok\n", await server.Http.GetStringAsync("/healthz", Cancel));
        Assert.Equal("ready\n", await server.Http.GetStringAsync("/readyz", Cancel));
    }

    private async Task<Guid> RunAsync()
    {
        var repository = await server.Get<Database>().WriteAsync(
            turn =>
            {
                var row = new RepositoryRow { Id = Guid.CreateVersion7(), Name = "acme/shop", Key = "acme/shop", CloneUrl = "https://forge.example/acme/shop", DefaultBranch = "main", Settings = "{}", CreatedAt = turn.Now };
                turn.Db.Add(row);
                return Task.FromResult(row.Id);
            },
            Cancel);
        var plan = TestPlans.Steps("build");
        return (await server.Get<RunRegister>().CreateAsync(
            new NewRun { Repository = repository, Plan = plan, Event = plan.Event, Title = "test", Author = "kim", Trust = TestPlans.Trusted }, Cancel)).Id;
    }

    private static async Task<WorkItem> ClaimAsync(HttpClient agent)
    {
        var answer = await HttpServer.PostAsync(agent, AgentRoutes.Claim, new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 4 }, Json.ClaimRequest, Json.ClaimResponse);
        return Assert.Single(answer.Work);
    }

    private static async Task ReportAsync(HttpClient agent, WorkItem work, WorkResult result)
    {
        using var response = await HttpServer.SendAsync(agent, AgentRoutes.For(AgentRoutes.Result, work.Id), new ResultRequest { Fence = work.Fence, Result = result }, Json.ResultRequest);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    private static async Task<(HttpStatusCode Status, LogPosition? Position)> PutAsync(HttpClient agent, WorkItem work, long offset, byte[] bytes, string? sha256 = null)
    {
        using var content = new ByteArrayContent(bytes);
        using var response = await agent.PutAsync(AgentRoutes.ForLog(work.Id, LogStreams.Output, work.Fence, offset, sha256), content, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return (response.StatusCode, response.StatusCode == HttpStatusCode.Conflict ? null : JsonSerializer.Deserialize(text, Json.LogPosition));
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string route)
    {
        using var response = await HttpServer.SendAsync(client, route, new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 1 }, Json.ClaimRequest);
        return response.StatusCode;
    }

    private static byte[] Frames(params string[] lines)
    {
        var frames = lines.Select(l => new LogFrame(LogStream.Out, DateTimeOffset.UnixEpoch, false, Encoding.UTF8.GetBytes(l))).ToList();
        var bytes = new byte[frames.Sum(f => f.Size)];
        var at = 0;
        frames.ForEach(f => at += f.Write(bytes.AsSpan(at)));
        return bytes;
    }
}
