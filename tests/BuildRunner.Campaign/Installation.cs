using System.Globalization;
using System.Text;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;
using BuildRunner.Testing.Services;

namespace BuildRunner.Campaign;

/// <summary>Server and agents of the built release, each a process of its own under a supervisor, with gates between them.</summary>
/// <remarks>Small: one server on SQLite, two agents. Large: two servers on PostgreSQL and RabbitMQ, an agent at each.</remarks>
public sealed class Installation : IAsyncDisposable
{
    /// <summary>The repository of all runs.</summary>
    public const string Repository = "campaign/shop";

    private static int count;
    private readonly TestFolder folder = TestFolder.Create();
    private readonly string app;
    private readonly int number = Interlocked.Increment(ref count);

    private Installation(string app, TimeSpan renew)
    {
        this.app = app;
        Renew = renew;
        Witness = new Witness(folder["witness"]);
        Canary = $"canary-{Guid.NewGuid():N}";
    }

    public Witness Witness { get; }

    /// <summary>A secret of the repository, in every step's environment.</summary>
    public string Canary { get; }

    public List<Supervised> Servers { get; } = [];

    public List<AgentSeat> Agents { get; } = [];

    public PostgresServer? Database { get; private set; }

    public RabbitServer? Broker { get; private set; }

    /// <summary>Speaks to the API as an administrator.</summary>
    public Api Api { get; private set; } = null!;

    /// <summary>The folder with everything of it that is on the disk.</summary>
    public string Folder => folder.Path;

    public IReadOnlyList<ContractGate> Gates => [.. Agents.Select(a => a.Gate)];

    /// <summary>How often agents renew what they hold; the other times of promise G5 follow from it.</summary>
    public TimeSpan Renew { get; }

    /// <summary>The steps of every pipeline.</summary>
    public static IReadOnlyList<string> Steps { get; } = ["a", "b", "c"];

    /// <summary>Starts one.</summary>
    /// <param name="app">The built release's executable.</param>
    /// <param name="large">On PostgreSQL and RabbitMQ.</param>
    /// <param name="renew">See <see cref="Renew"/>.</param>
    /// <param name="consumerTimeout">How long the broker waits for an acknowledgement; null: as long as is built into it.</param>
    public static async Task<Installation> StartAsync(string app, bool large, TimeSpan renew, TimeSpan? consumerTimeout = null)
    {
        Requires.Root();
        Requires.Program("runc", "nft", "git", "busybox");
        var installation = new Installation(app, renew);
        try
        {
            if (large)
            {
                installation.Database = await PostgresServer.StartAsync();
                installation.Broker = await RabbitServer.StartAsync(consumerTimeout);
            }

            await installation.PrepareAsync();
            return installation;
        }
        catch
        {
            await installation.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Api?.Dispose();
        foreach (var agent in Agents)
        {
            await agent.DisposeAsync();
        }

        foreach (var server in Servers)
        {
            await server.DisposeAsync();
        }

        await (Broker?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (Database?.DisposeAsync() ?? ValueTask.CompletedTask);
        folder.Dispose();
    }

    /// <summary>Copies what the processes have logged to where it stays, for whoever looks into a failure.</summary>
    /// <returns>The folder.</returns>
    public string Keep()
    {
        var kept = Directory.CreateTempSubdirectory("buildrunner-campaign-").FullName;
        foreach (var file in Directory.EnumerateFiles(folder["logs"]).Append(folder["witness/steps"]).Where(File.Exists))
        {
            File.Copy(file, Path.Combine(kept, Path.GetFileName(file)));
        }

        return kept;
    }

    private async Task PrepareAsync()
    {
        // What containers see lies below it, and they have ids of their own.
        File.SetUnixFileMode(folder.Path, File.GetUnixFileMode(folder.Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        Directory.CreateDirectory(folder["logs"]);
        Directory.CreateDirectory(folder["tmp"]);
        BusyboxImage.Create(folder["image"]);
        await File.WriteAllTextAsync(folder["image/bin/witness"], Witness.Script);
        File.SetUnixFileMode(folder["image/bin/witness"], (UnixFileMode)0b111_101_101);
        await MakeRepositoryAsync();
        var environment = await ServerEnvironmentAsync();
        List<string> addresses = [];
        for (var i = 0; i < (Database is null ? 1 : 2); i++)
        {
            var address = $"http://127.0.0.1:{OwnedProcess.FreePort()}";
            addresses.Add(address + "/");
            Servers.Add(await Supervised.StartAsync($"server{i}", folder[$"logs/server{i}"], environment, app, "server", "--data-dir", folder["data"], "--listen", address));
        }

        Api = new Api(addresses);
        await Api.ReadyAsync();
        Api.Token = (await OutputAsync(environment, "server", "token", "--data-dir", folder["data"])).Trim();
        await Api.SendAsync(HttpMethod.Post, "repos", new { name = Repository, cloneUrl = folder["repos/shop"], settings = new { trustVolumes = true } });
        await Api.SendAsync(HttpMethod.Put, $"repos/{Repository}/secrets/canary", new { value = Canary });
        for (var i = 0; i < 2; i++)
        {
            Agents.Add(await NewAgentAsync(i, addresses[i % addresses.Count]));
        }

        await Api.WaitAsync("agents", json => json.GetProperty("items").EnumerateArray().Count(a => a.GetProperty("state").GetString() == "online") == 2, TimeSpan.FromMinutes(4));
    }

    private async Task<AgentSeat> NewAgentAsync(int index, string server)
    {
        var name = $"agent{index}";
        var gate = ContractGate.Open(name, server, Renew);
        using var token = await Api.SendAsync(HttpMethod.Post, "agents/tokens", new { });
        var state = $"/run/buildrunner/campaign-{Environment.ProcessId}-{number}-{index}";
        var environment = new Dictionary<string, string>(Common())
        {
            ["BUILDRUNNER_AGENT__SERVER"] = gate.Address,
            ["BUILDRUNNER_AGENT__TOKEN"] = token.RootElement.GetProperty("token").GetString()!,
            ["BUILDRUNNER_AGENT__NAME"] = name,
            ["BUILDRUNNER_AGENT__SLOTS"] = "2",
            ["BUILDRUNNER_AGENT__WORKDIR"] = folder[name],
            ["BUILDRUNNER_AGENT__MINFREEDISK"] = "0",
            ["BUILDRUNNER_ENGINE__STATEDIR"] = state,
            ["BUILDRUNNER_ENGINE__SCRATCHDIR"] = folder[$"{name}-scratch"],
            ["BUILDRUNNER_IMAGES__DIR"] = folder[$"{name}-images"],
            ["BUILDRUNNER_ENGINE__ALLOWEDVOLUMES"] = folder["witness"],
            ["BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS"] = folder["image"],
        };
        var process = await Supervised.StartAsync(name, folder[$"logs/{name}"], environment, app, "agent");
        return new AgentSeat(name, process, gate, state, folder[$"{name}-scratch"], folder[name]);
    }

    private Dictionary<string, string> Common() => new()
    {
        ["TMPDIR"] = folder["tmp"],
        ["HOME"] = folder["home"],
        ["DOTNET_EnableDiagnostics"] = "0",
        ["BUILDRUNNER_LOGGING__FORMAT"] = "text",
    };

    private async Task<Dictionary<string, string>> ServerEnvironmentAsync()
    {
        var environment = new Dictionary<string, string>(Common())
        {
            ["BUILDRUNNER_SECRETS__MASTERKEYFILE"] = folder["etc/master.key"],
            ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
            ["BUILDRUNNER_AGENT__LEASERENEW"] = string.Create(CultureInfo.InvariantCulture, $"{Renew.TotalSeconds}s"),
        };
        if (Database is not null && Broker is not null)
        {
            environment["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql";
            environment["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await Database.CreateDatabaseAsync();
            environment["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq";
            environment["BUILDRUNNER_BUS__RABBITMQ__URI"] = Broker.Uri.ToString();
        }

        return environment;
    }

    private async Task<string> OutputAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var file = folder[$"logs/{Guid.NewGuid():N}"];
        await using (var process = await OwnedProcess.StartAsync([app, .. arguments], file, user: null, environment: environment))
        {
            while (process.IsRunning)
            {
                await Task.Delay(20);
            }
        }

        var output = await File.ReadAllTextAsync(file);
        File.Delete(file);
        return output;
    }

    private async Task MakeRepositoryAsync()
    {
        var shop = folder["repos/shop"];
        Directory.CreateDirectory(shop);
        await GitAsync("init", "-q", "-b", "main");
        foreach (var shape in Enum.GetValues<RunShape>())
        {
            await GitAsync("checkout", "-q", "-B", NameOf(shape));
            await File.WriteAllTextAsync(Path.Combine(shop, ".buildrunner.yml"), PipelineOf(shape));
            await GitAsync("add", "-A");
            await GitAsync("-c", "user.name=kim", "-c", "user.email=kim@example.com", "commit", "-q", "-m", NameOf(shape));
        }

        Task GitAsync(params string[] arguments) => OwnedProcess.RunAsync(["git", "-C", shop, .. arguments], user: null);
    }

    /// <summary>The branch with a shape's pipeline.</summary>
    public static string NameOf(RunShape shape) => shape.ToString().ToLowerInvariant();

    private string PipelineOf(RunShape shape)
    {
        // Longer than the usual hour: one run outlasts a broker that is away for an hour.
        var text = new StringBuilder("skip_clone: true\ntimeout: 3h\n");
        if (shape == RunShape.Service)
        {
            text.Append(CultureInfo.InvariantCulture, $"services:\n  - name: idle\n    image: rootfs:{folder["image"]}\n    commands: ['exec sleep 900']\n");
        }

        text.Append("steps:\n");
        foreach (var step in Steps)
        {
            text.Append(CultureInfo.InvariantCulture, $$$"""
                  - name: {{{step}}}
                    image: rootfs:{{{folder["image"]}}}
                    commands: ['exec witness']
                    environment: {CANARY: {from_secret: canary}}
                    volumes: ['{{{folder["witness"]}}}:/witness']

                """);
            text.Append(shape == RunShape.Retry && step == "b" ? "    retry: {max: 2, on: [lost]}\n" : "");
        }

        return text.ToString();
    }
}

/// <summary>An agent with what belongs to it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Process">The process.</param>
/// <param name="Gate">Stands between it and its server.</param>
/// <param name="State">Its engine's state folder.</param>
/// <param name="Scratch">Its engine's scratch folder.</param>
/// <param name="Work">Its own folder.</param>
public sealed record AgentSeat(string Name, Supervised Process, ContractGate Gate, string State, string Scratch, string Work) : IAsyncDisposable
{
    public HostAuditor Auditor { get; } = new(State, Scratch) { OfLivingAgent = true };

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Gate.Dispose();

        // Also of what it had made for the next workflow: its agent is gone.
        await new HostAuditor(State, Scratch).FindingsAfterAsync(TimeSpan.FromSeconds(10));
        if (Directory.Exists(State))
        {
            Directory.Delete(State, recursive: true);
        }
    }
}
