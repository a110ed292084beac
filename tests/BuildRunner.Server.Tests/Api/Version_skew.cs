using System.Net;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Tests.Api;

/// <summary>A server and agents of another version: one minor version older works, as it speaks; everything else is told what to do.</summary>
public sealed class Version_skew
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("1.4.0", null)]
    [InlineData("1.4.7", null)]
    [InlineData("1.3.0", null)]
    [InlineData("1.2.9", "install version 1.4.2 on the agent's machine")]
    [InlineData("0.9.0", "install version 1.4.2 on the agent's machine")]
    [InlineData("1.5.0", "update the server first")]
    [InlineData("2.0.0", "update the server first")]
    [InlineData("newest", "is no version")]
    public void Which_agents_a_server_takes(string agent, string? why)
    {
        var said = AgentVersions.WhyNot(agent, new Version(1, 4, 2));
        Assert.Equal(why is null, said is null);
        Assert.Contains(why ?? "", said ?? "");
    }

    /// <summary>These bodies are those of version 0.1.0, byte for byte. They are never changed: what a later server cannot read any more breaks agents that are one version older.</summary>
    [Fact]
    public async Task An_agent_of_version_0_1_0_registers_claims_runs_and_reports_as_it_did_then()
    {
        await using var server = await HttpServer.StartAsync();
        await RunAsync(server);
        var registered = await SendAsync(server.Http, AgentRoutes.Register, $$"""{"token":"{{await server.RegistrationTokenAsync()}}","name":"old"}""");
        var agent = server.With(registered.GetProperty("credential").GetString()!);
        var hello = await SendAsync(agent, AgentRoutes.Hello, """{"version":"0.1.0","session":"018f4e5e-0000-7000-8000-000000000001","slots":2,"facts":{"platform":"linux/amd64","engine":"oci"}}""");
        Assert.Equal("00:00:15", hello.GetProperty("times").GetProperty("heartbeatEvery").GetString());

        var start = await ClaimAsync(agent, 1);
        Assert.Equal("start", start.GetProperty("task").GetProperty("is").GetString());
        await SendAsync(agent, For(AgentRoutes.Result, start), $$"""{"fence":{{Fence(start)}},"result":{"is":"ready"} }""");
        var step = await ClaimAsync(agent, 2);
        Assert.Equal("build", step.GetProperty("task").GetProperty("plan").GetProperty("name").GetString());
        await SendAsync(agent, For(AgentRoutes.Intent, step), $$"""{"fence":{{Fence(step)}},"image":"busybox"}""");
        var beat = await SendAsync(
            agent, AgentRoutes.Heartbeat, $$"""{"session":"018f4e5e-0000-7000-8000-000000000001","work":[{"work":"{{Id(step)}}","fence":{{Fence(step)}} }],"freeDisk":1000000}""");
        Assert.Equal(0, beat.GetProperty("refused").GetArrayLength());
        await SendAsync(
            agent, For(AgentRoutes.Result, step), $$"""{"fence":{{Fence(step)}},"result":{"is":"ended","report":{"outcome":{"is":"success","exitCode":0},"aMemberOfALaterVersion":1} } }""");
        await SendAsync(agent, AgentRoutes.Goodbye, """{"session":"018f4e5e-0000-7000-8000-000000000001"}""");
    }

    private static async Task<JsonElement> ClaimAsync(HttpClient agent, int number)
    {
        var answer = await SendAsync(agent, AgentRoutes.Claim, $$"""{"claim":"018f4e5e-0000-7000-8000-00000000010{{number}}","freeSlots":2,"stopping":[]}""");
        return Assert.Single(answer.GetProperty("work").EnumerateArray());
    }

    private static async Task<JsonElement> SendAsync(HttpClient client, string route, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(route, content, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NoContent, $"{route}: {(int)response.StatusCode} {text}");
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    private static string For(string route, JsonElement work) => route.Replace("{id}", Id(work), StringComparison.Ordinal);

    private static string Id(JsonElement work) => work.GetProperty("id").GetString()!;

    private static long Fence(JsonElement work) => work.GetProperty("fence").GetInt64();

    private static async Task RunAsync(HttpServer server)
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
        await server.Get<RunRegister>().CreateAsync(new NewRun { Repository = repository, Plan = plan, Event = plan.Event, Title = "test", Author = "kim", Trust = TestPlans.Trusted }, Cancel);
    }
}
