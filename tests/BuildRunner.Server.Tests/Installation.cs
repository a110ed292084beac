using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Hosting;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Server.Tests;

/// <summary>A server of its own for a test: real database, real bus, and a clock that the test moves.</summary>
internal sealed class Installation : IAsyncDisposable
{
    private static readonly MasterKey Key = MasterKey.Generate();
    private readonly TestFolder folder;
    private readonly IHost host;
    private bool replica;

    private Installation(TestFolder folder, IHost host, FakeTimeProvider clock)
    {
        this.folder = folder;
        this.host = host;
        Clock = clock;
    }

    /// <summary>The database's clock. Everything else, a claim's waiting for example, goes by the real one.</summary>
    public FakeTimeProvider Clock { get; }

    public Database Database => Get<Database>();

    public RunRegister Runs => Get<RunRegister>();

    public Sweeper Sweeper => Get<Sweeper>();

    public DispatchOptions Options => Get<DispatchOptions>();

    public Guid Repository { get; private set; }

    /// <summary>Starts one.</summary>
    public static Task<Installation> StartAsync(InstallationSpec spec) => StartAsync(spec, TestFolder.Create(), new FakeTimeProvider(new DateTimeOffset(2027, 3, 1, 12, 0, 0, TimeSpan.Zero)));

    /// <summary>Another server of the same installation, as far as database and bus allow that.</summary>
    public async Task<Installation> ReplicaAsync(InstallationSpec spec)
    {
        var other = await StartAsync(spec, folder, Clock);
        other.replica = true;
        return other;
    }

    public T Get<T>()
        where T : notnull => host.Services.GetRequiredService<T>();

    /// <summary>An agent that has registered and said hello.</summary>
    public async Task<TestAgent> AgentAsync(string name = "a", int slots = 4, IReadOnlyDictionary<string, string>? labels = null)
    {
        var registry = Get<AgentRegistry>();
        var token = await registry.CreateTokenAsync(labels ?? new Dictionary<string, string>(), TimeSpan.FromHours(1), Cancel);
        var registered = (await registry.RegisterAsync(new RegisterRequest { Token = token, Name = name }, Cancel))!;
        var agent = new TestAgent(this, registered.Agent.Value, registered.Name) { Slots = slots };
        await agent.HelloAsync();
        return agent;
    }

    /// <summary>A repository besides the first one.</summary>
    public Task<Guid> RepositoryAsync(string name) => Database.WriteAsync(
        turn =>
        {
            var row = new RepositoryRow
            {
                Id = Guid.CreateVersion7(),
                Name = name,
                Key = name,
                CloneUrl = "https://forge.example/" + name,
                DefaultBranch = "main",
                Settings = "{}",
                CreatedAt = turn.Now,
            };
            turn.Db.Add(row);
            return Task.FromResult(row.Id);
        },
        Cancel);

    /// <summary>Stores a run.</summary>
    public async Task<Guid> RunAsync(RunPlan plan, Func<NewRun, NewRun>? change = null)
    {
        var run = new NewRun { Repository = Repository, Plan = plan, Event = plan.Event, Title = "test", Author = "kim", Trust = TestPlans.Trusted };
        return (await Runs.CreateAsync(change?.Invoke(run) ?? run, Cancel)).Id;
    }

    /// <summary>The state of a run.</summary>
    public async Task<Core.Runs.RunState> StateAsync(Guid run)
    {
        var json = await Database.ReadAsync(db => db.Runs.Where(r => r.Id == run).Select(r => r.State).SingleAsync(Cancel), Cancel);
        return System.Text.Json.JsonSerializer.Deserialize(json!, Core.Runs.RunJson.Default.RunState)!;
    }

    /// <summary>Moves the clock and looks at everything once, as the server does each second.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        Clock.Advance(time);
        await Sweeper.SweepAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5)))
        {
            await host.StopAsync(patience.Token);
        }

        host.Dispose();
        if (!replica)
        {
            folder.Dispose();
        }
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<Installation> StartAsync(InstallationSpec spec, TestFolder folder, FakeTimeProvider clock)
    {
        var names = new BusNames(spec.Prefix, Alone: spec.Rabbit is null);
        var options = new ServerOptions
        {
            DataDirectory = folder["data"],
            Keys = new KeyRing(Key, []),
            Bus = names,
            Schedules = new BuildRunner.Server.Schedules.ScheduleOptions { Enabled = false },
            Dispatch = new DispatchOptions { Times = new AgentTimes { ClaimWait = spec.ClaimWait }, SweepEvery = TimeSpan.FromHours(1), EmbeddedAgentTakesStrangers = spec.EmbeddedTakesStrangers },
        };
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddBuildRunnerServer(options, spec.Rabbit is { } uri ? bus => bus.UseRabbitMq(names, uri) : null);
        Directory.CreateDirectory(folder["data"]);
        builder.Services.AddSingleton<Database>(_ => spec.Postgres is { } connection
            ? new PgDatabase(connection, clock)
            : new SqliteDatabase(folder["data/test.db"], clock));
        builder.Services.Configure<MassTransit.MassTransitHostOptions>(o => o.WaitUntilStarted = true);
        var host = builder.Build();
        await host.StartAsync(Cancel);
        var installation = new Installation(folder, host, clock);
        installation.Repository = await installation.Database.ReadAsync(db => db.Repositories.Select(r => r.Id).FirstOrDefaultAsync(Cancel), Cancel) is var known && known != Guid.Empty
            ? known
            : await installation.RepositoryAsync("acme/shop");
        return installation;
    }
}

/// <summary>Of what an installation is made.</summary>
internal sealed record InstallationSpec
{
    /// <summary>Connection string; null: SQLite.</summary>
    public string? Postgres { get; init; }

    /// <summary>The broker; null: in this process.</summary>
    public Uri? Rabbit { get; init; }

    /// <summary>Keeps tests that share a broker apart.</summary>
    public string Prefix { get; } = $"t{Guid.NewGuid():N}"[..12];

    /// <summary>How long a claim waits.</summary>
    public TimeSpan ClaimWait { get; init; } = TimeSpan.Zero;

    /// <summary>Whether an agent in the server's process takes strangers' work.</summary>
    public bool EmbeddedTakesStrangers { get; init; }
}
