using System.Net;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Tests.Api;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Secrets;

/// <summary>Secrets and registries: in through the API, out only to the agent that runs the step.</summary>
public sealed class Secrets_over_HTTP : IAsyncLifetime
{
    private const string Canary = "canary-5f1c-very-secret";
    private const string Pipeline = """
        skip_clone: true
        steps:
          - name: deploy
            image: registry.example/tool
            commands: [ "true" ]
            environment: { TOKEN: { from_secret: Token } }
        """;

    private ServerWithShop shop = null!;

    private static ApiJson Json => ApiJson.Default;

    private HttpServer Server => shop.Server;

    private ApiClient Api => shop.Api;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => shop = await ServerWithShop.StartAsync(Pipeline);

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    [Fact]
    public async Task The_nearest_secret_reaches_the_agent_and_no_value_comes_back()
    {
        await SetAsync(TriggerRoutes.Secrets, "of the installation");
        await SetAsync("/api/v1/orgs/acme/secrets", "of the organisation");
        await SetAsync("/api/v1/repos/acme/shop/secrets", Canary);
        await Api.SendAsync("PUT", "/api/v1/repos/acme/shop/registries/registry.example", new SetRegistry("robot", "pass-" + Canary), Json.SetRegistry, Json.RegistryInfo);

        foreach (var path in new[] { TriggerRoutes.Secrets, "/api/v1/repos/acme/shop/secrets", "/api/v1/repos/acme/shop/registries", ApiRoutes.Audit })
        {
            Assert.DoesNotContain(Canary, await Api.Http.GetStringAsync(path, Cancel));
        }

        var work = await FirstStepAsync();
        Assert.Equal(Canary, work.Secrets["Token"]);
        Assert.Equal(("registry.example", "robot", "pass-" + Canary), (Assert.Single(work.Registries).Host, work.Registries[0].User, work.Registries[0].Password));
        Assert.DoesNotContain(Canary, await DumpAsync());

        // Which one was handed out, and that the others were not, is told.
        Assert.NotNull(Assert.Single((await Api.GetAsync("/api/v1/repos/acme/shop/secrets", Json.SecretList)).Items, s => s.Level == "repository").LastUsedAt);
        Assert.Null(Assert.Single((await Api.GetAsync(TriggerRoutes.Secrets, Json.SecretList)).Items).LastUsedAt);
    }

    [Fact]
    public async Task A_secret_that_is_missing_is_told_to_who_starts_the_run_and_no_more_once_it_is_there()
    {
        var run = await StartAsync();
        var problem = Assert.Single(run.Problems!);
        Assert.Equal((".buildrunner.yml", 3, "warning", "BR1109"), (problem.File, problem.Line, problem.Severity, problem.Code));
        Assert.Contains("step `deploy` will not start: there is no secret 'Token' for this repository; make it with: buildrunner secret set Token --repo acme/shop", problem.Message);
        Assert.Equal("queued", run.State);
        Assert.Equal(problem, Assert.Single((await DetailsAsync(1)).Diagnostics));

        // Made before its turn has come, it is in time: the warning kept nothing from running.
        await SetAsync("/api/v1/orgs/other/secrets", Canary);
        Assert.Equal(problem, Assert.Single((await DetailsAsync(1)).Diagnostics));
        await SetAsync("/api/v1/orgs/acme/secrets", "of the organisation");
        Assert.Empty((await DetailsAsync(1)).Diagnostics);
        await SetAsync("/api/v1/repos/acme/shop/secrets", Canary);
        var work = await FirstStepAsync(start: false);
        Assert.Equal(Canary, work.Secrets["Token"]);
        Assert.Empty((await StartAsync()).Problems!);

        // Another attempt asks anew.
        await Api.SendAsync("POST", ApiRoutes.For(ApiRoutes.Cancel, "acme/shop", 2), new CancelRun(), Json.CancelRun, Json.RunDetails);
        foreach (var path in new[] { "/api/v1/repos/acme/shop/secrets/token", "/api/v1/orgs/acme/secrets/token" })
        {
            using var removed = await Api.SendAsync("DELETE", path, null);
            Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        }

        var again = await Api.SendAsync("POST", ApiRoutes.For(ApiRoutes.Rerun, "acme/shop", 2), new RerunRun(), Json.RerunRun, Json.RunSummary, HttpStatusCode.Created);
        Assert.Equal("BR1109", Assert.Single(again.Problems!).Code);
    }

    [Fact]
    public async Task Rules_are_obeyed_and_can_be_changed_without_the_value()
    {
        await SetAsync("/api/v1/repos/acme/shop/secrets", Canary);
        var info = await Api.SendAsync("PUT", "/api/v1/repos/acme/shop/secrets/token", new SetSecret { Events = ["push"] }, Json.SetSecret, Json.SecretInfo);
        Assert.Equal(["push"], info.Events);
        var work = await FirstStepAsync();
        Assert.Empty(work.Secrets);
        Assert.Contains("its setting 'events' allows push, this is manual", work.SecretsWithheld["Token"]);
    }

    [Fact]
    public async Task A_rotation_seals_everything_anew()
    {
        await SetAsync(TriggerRoutes.Secrets, Canary);
        var old = await KeysAsync();
        using (var unchanged = await Api.SendAsync("POST", TriggerRoutes.RotateKeys, null))
        {
            Assert.Equal("""{"resealed":0}""", await unchanged.Content.ReadAsStringAsync(Cancel));
        }

        var keys = new KeyRing(MasterKey.Generate(), [Server.Key]);
        var rotated = new SecretRegister(Server.Get<Database>(), new SecretStore(keys), keys);
        Assert.Equal(1, await rotated.RotateAsync("test", Cancel));
        Assert.NotEqual(old, await KeysAsync());
        Assert.Equal(0, await rotated.RotateAsync("test", Cancel));
    }

    [Theory]
    [InlineData("PUT", "/api/v1/secrets/a b", """{"value":"x"}""", "a secret's name is")]
    [InlineData("PUT", "/api/v1/secrets/a", """{"value":""}""", "a secret's value has 1 to 65536 bytes")]
    [InlineData("PUT", "/api/v1/secrets/a", "{}", "there is no secret 'a' whose value could stay")]
    [InlineData("PUT", "/api/v1/repos/acme/nothing/secrets/a", """{"value":"x"}""", "there is no repository acme/nothing")]
    [InlineData("PUT", "/api/v1/registries/http:%2F%2Fx", """{"user":"a","password":"b"}""", "is no host of a registry")]
    public async Task What_is_wrong_is_said(string method, string path, string body, string problem) =>
        Assert.Contains(problem, (await Api.RefusedAsync(method, path, body)).Detail);

    private Task<SecretInfo> SetAsync(string level, string value) => Api.SendAsync("PUT", level + "/Token", new SetSecret { Value = value }, Json.SetSecret, Json.SecretInfo);

    private Task<RunSummary> StartAsync() =>
        Api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), Json.StartRun, Json.RunSummary, HttpStatusCode.Created);

    private Task<RunDetails> DetailsAsync(int number) => Api.GetAsync(ApiRoutes.For(ApiRoutes.Run, "acme/shop", number), Json.RunDetails);

    private async Task<WorkTask.Step> FirstStepAsync(bool start = true)
    {
        if (start)
        {
            await StartAsync();
        }

        var agent = await Server.AgentAsync();
        var first = Assert.Single((await ClaimAsync(agent)).Work);
        using (var ready = await HttpServer.SendAsync(
            agent, AgentRoutes.For(AgentRoutes.Result, first.Id), new ResultRequest { Fence = first.Fence, Result = new WorkResult.Ready() }, AgentContractJson.Default.ResultRequest))
        {
            Assert.True(ready.IsSuccessStatusCode);
        }

        return (WorkTask.Step)Assert.Single((await ClaimAsync(agent)).Work).Task;
    }

    private static Task<ClaimResponse> ClaimAsync(HttpClient agent) => HttpServer.PostAsync(
        agent, AgentRoutes.Claim, new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 4, Stopping = [] }, AgentContractJson.Default.ClaimRequest, AgentContractJson.Default.ClaimResponse);

    private Task<List<string>> KeysAsync() => Server.Get<Database>().ReadAsync(db => db.Secrets.Select(s => s.KeyId).ToListAsync(Cancel), Cancel);

    // Every byte that the server keeps, as a thief of the data folder would see it.
    private async Task<string> DumpAsync()
    {
        await Server.Get<Database>().ReadAsync(db => db.Database.ExecuteSqlRawAsync("PRAGMA wal_checkpoint(TRUNCATE)", Cancel), Cancel);
        var all = new System.Text.StringBuilder();
        foreach (var file in Directory.EnumerateFiles(Server.DataDirectory, "*", SearchOption.AllDirectories))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
            all.Append(await reader.ReadToEndAsync(Cancel));
        }

        return all.ToString();
    }
}
