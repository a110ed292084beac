using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

/// <summary>Secrets, registries, schedules and webhooks from the command line.</summary>
public sealed class Trigger_verbs : IAsyncLifetime
{
    private static readonly ApiJson Json = ApiJson.Default;
    private readonly TestCli cli = new();
    private ScriptedServer server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await ScriptedServer.StartAsync();
        cli.Environment["XDG_CONFIG_HOME"] = cli.Directory;
        cli.Environment["BUILDRUNNER_SERVER"] = server.Url;
        cli.Environment["BUILDRUNNER_TOKEN"] = "brt_secret";
    }

    public async ValueTask DisposeAsync()
    {
        cli.Dispose();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData("/api/v1/secrets/TOKEN")]
    [InlineData("/api/v1/orgs/acme/secrets/TOKEN", "--org", "acme")]
    [InlineData("/api/v1/repos/acme/shop/secrets/TOKEN", "--repo", "acme/shop")]
    public async Task A_secret_comes_from_standard_input_and_is_not_said_again(string path, params string[] level)
    {
        server.On("PUT", path, new SecretInfo("TOKEN", "repository", ["push"], [], [], Sample.At, null), Json.SecretInfo);
        cli.Input = "hush\n";
        Assert.Equal(0, await cli.RunAsync(["secret", "set", "TOKEN", "--event", "push", .. level]));
        Assert.Contains(server.Asked, a => a.Method == "PUT" && a.Path == path && a.Body.Contains("\"value\":\"hush\"", StringComparison.Ordinal) && a.Body.Contains("\"events\":[\"push\"]", StringComparison.Ordinal));
        Assert.DoesNotContain("hush", cli.Output + cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_value_is_refused_with_what_to_type()
    {
        cli.Input = "";
        Assert.Equal(2, await cli.RunAsync("secret", "set", "TOKEN"));
        Assert.Contains("standard input holds nothing; write for example: printf", cli.Error, StringComparison.Ordinal);
        Assert.Empty(server.Asked);
    }

    [Fact]
    public async Task A_schedule_is_set_with_its_rules_and_its_next_times_are_said()
    {
        var at = new DateTimeOffset(2027, 3, 1, 2, 30, 0, TimeSpan.Zero);
        var info = new ScheduleInfo { Name = "nightly", Cron = "30 2 * * *", Zone = "UTC", Enabled = true, Misfire = "skip", Overlap = "allow", Next = [at], Last = [] };
        server.On("PUT", "/api/v1/repos/acme/shop/schedules/nightly", info, Json.ScheduleInfo);
        Assert.Equal(0, await cli.RunAsync("schedule", "set", "acme/shop", "nightly", "30 2 * * *", "--misfire", "skip", "--input", "a=b"));
        Assert.Equal("nightly is due 2027-03-01 02:30:00Z\n", cli.Output);
        Assert.Contains(server.Asked, a => a.Body.Contains("\"misfire\":\"skip\"", StringComparison.Ordinal) && a.Body.Contains("\"a\":\"b\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_webhook_is_set_with_inputs_and_filters_and_its_secret_shown_once()
    {
        var hook = new HookInfo { Name = "deploy", Url = "https://ci.example/hooks/in/deploy", Settings = new HookSettings(), Enabled = true, HasSecret = true };
        server.On("PUT", "/api/v1/repos/acme/shop/hooks/deploy", new CreatedHook(hook, "whsec_x"), Json.CreatedHook);
        Assert.Equal(0, await cli.RunAsync("webhook", "set", "acme/shop", "deploy", "--input", "count:number=/n", "--only", "/action=published,edited"));
        Assert.Contains("its secret, shown this once: whsec_x", cli.Output, StringComparison.Ordinal);
        var body = server.Asked.Single().Body;
        Assert.Contains("""{"input":"count","from":"/n","type":"number","required":false}""", body, StringComparison.Ordinal);
        Assert.Contains("""{"at":"/action","oneOf":["published","edited"]}""", body, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("webhook", "set", "acme/shop", "deploy", "--input", "nothing"));
    }

    [Fact]
    public async Task What_was_refused_is_said_beside_the_lists()
    {
        var refused = new RefusedInfo("hook/deploy", 12, Sample.At, "the signature is wrong");
        var hook = new HookInfo { Name = "deploy", Url = "https://ci.example/hooks/in/deploy", Settings = new HookSettings(), Enabled = true, HasSecret = true, Refused = refused };
        server.On("GET", "/api/v1/repos/acme/shop/hooks", new ApiList<HookInfo>([hook]), Json.HookList);
        server.On("GET", TriggerRoutes.Deliveries, new ApiList<DeliveryInfo>([]), Json.DeliveryList);
        server.On("GET", TriggerRoutes.Refused, new ApiList<RefusedInfo>([refused, refused with { Source = "github" }]), Json.RefusedList);
        Assert.Equal(0, await cli.RunAsync("webhook", "ls", "acme/shop"));
        const string said = "hook/deploy: 12 refused and not kept, the last 2 minutes ago: the signature is wrong\n";
        Assert.Equal(said, cli.Error);
        Assert.Equal(0, await cli.RunAsync("webhook", "deliveries"));
        Assert.Equal(said + said.Replace("hook/deploy", "github", StringComparison.Ordinal), cli.Error);
        Assert.Equal("nothing has arrived\n", cli.Output);
        var shop = new Repository { Name = "acme/shop", CloneUrl = "https://forge.example/shop", DefaultBranch = "main", Settings = new RepositorySettings(), CreatedAt = Sample.At, Refused = [refused] };
        server.On("GET", ApiRoutes.For(ApiRoutes.RepositoryByName, "acme/shop"), shop, Json.Repository);
        Assert.Equal(0, await cli.RunAsync("repo", "show", "acme/shop"));
        Assert.Contains("refused           12 at hook/deploy, the last 2 minutes ago: the signature is wrong\n", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_undone_is_not_done_unasked()
    {
        Assert.Equal(2, await cli.RunAsync("schedule", "rm", "acme/shop", "nightly"));
        Assert.Contains("add --yes", cli.Error, StringComparison.Ordinal);
        Assert.Empty(server.Asked);
    }
}
