using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

/// <summary>Secrets, registries, schedules and webhooks from the command line.</summary>
public sealed class Trigger_verbs : IAsyncLifetime
{
    private static readonly ApiJson Json = ApiJson.Default;
    private LoggedInCli home = null!;

    private TestCli Cli => home.Cli;

    private ScriptedServer Server => home.Server;

    public async ValueTask InitializeAsync() => home = await LoggedInCli.StartAsync();

    public ValueTask DisposeAsync() => home.DisposeAsync();

    [Theory]
    [InlineData("/api/v1/secrets/TOKEN")]
    [InlineData("/api/v1/orgs/acme/secrets/TOKEN", "--org", "acme")]
    [InlineData("/api/v1/repos/acme/shop/secrets/TOKEN", "--repo", "acme/shop")]
    public async Task A_secret_comes_from_standard_input_and_is_not_said_again(string path, params string[] level)
    {
        Server.On("PUT", path, new SecretInfo("TOKEN", "repository", ["push"], [], [], Sample.At, null), Json.SecretInfo);
        Cli.Input = "hush\n";
        Assert.Equal(0, await Cli.RunAsync(["secret", "set", "TOKEN", "--event", "push", .. level]));
        Assert.Contains(Server.Asked, a => a.Method == "PUT" && a.Path == path && a.Body.Contains("\"value\":\"hush\"", StringComparison.Ordinal) && a.Body.Contains("\"events\":[\"push\"]", StringComparison.Ordinal));
        Assert.DoesNotContain("hush", Cli.Output + Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_value_is_refused_with_what_to_type()
    {
        Cli.Input = "";
        Assert.Equal(2, await Cli.RunAsync("secret", "set", "TOKEN"));
        Assert.Contains("standard input holds nothing; write for example: printf", Cli.Error, StringComparison.Ordinal);
        Assert.Empty(Server.Asked);
    }

    [Fact]
    public async Task A_schedule_is_set_with_its_rules_and_its_next_times_are_said()
    {
        var at = new DateTimeOffset(2027, 3, 1, 2, 30, 0, TimeSpan.Zero);
        var info = new ScheduleInfo { Name = "nightly", Cron = "30 2 * * *", Zone = "UTC", Enabled = true, Misfire = "skip", Overlap = "allow", Next = [at], Last = [] };
        Server.On("PUT", "/api/v1/repos/acme/shop/schedules/nightly", info, Json.ScheduleInfo);
        Assert.Equal(0, await Cli.RunAsync("schedule", "set", "acme/shop", "nightly", "30 2 * * *", "--misfire", "skip", "--input", "a=b"));
        Assert.Equal("nightly is due 2027-03-01 02:30:00Z\n", Cli.Output);
        Assert.Contains(Server.Asked, a => a.Body.Contains("\"misfire\":\"skip\"", StringComparison.Ordinal) && a.Body.Contains("\"a\":\"b\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_webhook_is_set_with_inputs_and_filters_and_its_secret_shown_once()
    {
        var hook = new HookInfo { Name = "deploy", Url = "https://ci.example/hooks/in/deploy", Settings = new HookSettings(), Enabled = true, HasSecret = true };
        Server.On("PUT", "/api/v1/repos/acme/shop/hooks/deploy", new CreatedHook(hook, "whsec_x"), Json.CreatedHook);
        Assert.Equal(0, await Cli.RunAsync("webhook", "set", "acme/shop", "deploy", "--input", "count:number=/n", "--only", "/action=published,edited"));
        Assert.Contains("its secret, shown this once: whsec_x", Cli.Output, StringComparison.Ordinal);
        var body = Server.Asked.Single().Body;
        Assert.Contains("""{"input":"count","from":"/n","type":"number","required":false}""", body, StringComparison.Ordinal);
        Assert.Contains("""{"at":"/action","oneOf":["published","edited"]}""", body, StringComparison.Ordinal);
        Assert.Equal(2, await Cli.RunAsync("webhook", "set", "acme/shop", "deploy", "--input", "nothing"));
    }

    [Fact]
    public async Task What_was_refused_is_said_beside_the_lists()
    {
        var refused = new RefusedInfo("hook/deploy", 12, Sample.At, "the signature is wrong");
        var hook = new HookInfo { Name = "deploy", Url = "https://ci.example/hooks/in/deploy", Settings = new HookSettings(), Enabled = true, HasSecret = true, Refused = refused };
        Server.On("GET", "/api/v1/repos/acme/shop/hooks", new ApiList<HookInfo>([hook]), Json.HookList);
        Server.On("GET", TriggerRoutes.Deliveries, new ApiList<DeliveryInfo>([]), Json.DeliveryList);
        Server.On("GET", TriggerRoutes.Refused, new ApiList<RefusedInfo>([refused, refused with { Source = "github" }]), Json.RefusedList);
        Assert.Equal(0, await Cli.RunAsync("webhook", "ls", "acme/shop"));
        const string said = "hook/deploy: 12 refused and not kept, the last 2 minutes ago: the signature is wrong\n";
        Assert.Equal(said, Cli.Error);
        Assert.Equal(0, await Cli.RunAsync("webhook", "deliveries"));
        Assert.Equal(said + said.Replace("hook/deploy", "github", StringComparison.Ordinal), Cli.Error);
        Assert.Equal("nothing has arrived\n", Cli.Output);
        var shop = new Repository { Name = "acme/shop", CloneUrl = "https://forge.example/shop", DefaultBranch = "main", Settings = new RepositorySettings(), CreatedAt = Sample.At, Refused = [refused] };
        Server.On("GET", ApiRoutes.For(ApiRoutes.RepositoryByName, "acme/shop"), shop, Json.Repository);
        Assert.Equal(0, await Cli.RunAsync("repo", "show", "acme/shop"));
        Assert.Contains("refused           12 at hook/deploy, the last 2 minutes ago: the signature is wrong\n", Cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_undone_is_not_done_unasked()
    {
        Assert.Equal(2, await Cli.RunAsync("schedule", "rm", "acme/shop", "nightly"));
        Assert.Contains("add --yes", Cli.Error, StringComparison.Ordinal);
        Assert.Empty(Server.Asked);
    }
}
