using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using BuildRunner.Cli;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Testing;
using Npgsql;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary><c>buildrunner server</c>: it starts without a setting, says what it does, and ends when it is asked to.</summary>
public sealed class Server_verb(SharedServers servers)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_ready_once_it_listens_and_ends_well_on_TERM()
    {
        await using var server = await RunningServer.StartAsync();
        Assert.Equal("ok\n", await server.Http.GetStringAsync("/healthz", Cancel));
        Assert.Equal("ready\n", await server.Http.GetStringAsync("/readyz", Cancel));
        Assert.Equal((int)ExitCode.Success, await server.StopAsync());
        Assert.Contains("asked to end (TERM)", server.Log);
    }

    [Fact]
    public async Task One_that_still_starts_because_another_one_migrates_ends_on_TERM_too()
    {
        var database = await servers.DatabaseAsync();
        await using var other = new NpgsqlConnection(database);
        await other.OpenAsync(Cancel);
        await SaysAsync($"SELECT pg_advisory_lock({PgDatabase.MigrationLock}) IS NULL");
        await using var server = RunningServer.Begin(new Dictionary<string, string>
        {
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = database,
        });
        while (!await SaysAsync("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"))
        {
            await Task.Delay(20, Cancel);
        }

        Assert.Equal((int)ExitCode.Success, await server.StopAsync());
        Assert.Contains("ends before it has started, because", server.Log);

        async Task<bool> SaysAsync(string query)
        {
            await using var command = new NpgsqlCommand(query, other);
            return (bool)(await command.ExecuteScalarAsync(Cancel))!;
        }
    }

    [Fact]
    public async Task Without_a_terminal_its_log_is_one_JSON_object_a_line()
    {
        await using var server = await RunningServer.StartAsync();
        await server.StopAsync();
        var events = server.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Contains(events, e => e.GetProperty("EventId").GetProperty("Id").GetInt32() == 3100 && e.TryGetProperty("Address", out _));
    }

    [Fact]
    public async Task Up_without_a_terminal_tells_its_link_as_JSON_too_and_an_agent_whose_machine_runs_no_containers_takes_nothing_and_says_why()
    {
        using var folder = TestFolder.Create();
        var environment = new Dictionary<string, string> { ["BUILDRUNNER_ENGINE__KIND"] = "docker", ["DOCKER_HOST"] = $"unix://{folder["no-engine.sock"]}", ["BUILDRUNNER_AGENT__MINFREEDISK"] = "0" };
        await using var server = await RunningServer.StartAsync(folder.Path, environment, "up");
        await server.SeesAsync("(is at its server)");
        var link = new Uri(await server.SeesAsync("\"Link\":\"([^\"]+)"));
        Assert.Equal(server.Http.BaseAddress!.Authority, link.Authority);
        Assert.Equal(link.Authority, new Uri((await RunningServer.RunAsync(folder.Path, null, "server", "link", "--data-dir", folder["data"])).Output.Trim()).Authority);
        Assert.StartsWith("http://127.0.0.1:9/login/", (await RunningServer.RunAsync(folder.Path, null, "server", "link", "--data-dir", folder["data"], "--listen", "http://*:9")).Output, StringComparison.Ordinal);
        var api = new ApiClient(server.With((await RunningServer.RunAsync(folder.Path, environment, "server", "token", "--data-dir", folder["data"])).Output.Trim()));
        AgentInfo agent;
        while ((agent = Assert.Single((await api.GetAsync(ApiRoutes.Agents, ApiJson.Default.AgentList)).Items)).State != "unready")
        {
            await Task.Delay(50, Cancel);
        }

        Assert.StartsWith("its machine cannot run containers (", agent.Reason, StringComparison.Ordinal);
        Assert.Equal(0, await server.StopAsync());
        Assert.All(server.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(line).RootElement.ValueKind));
        Assert.DoesNotContain("is ready: server version", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_master_key_is_made_once_outside_of_the_data_directory_and_nobody_else_can_read_it()
    {
        using var folder = TestFolder.Create();
        string first;
        await using (var server = await RunningServer.StartAsync(folder.Path))
        {
            first = await File.ReadAllTextAsync(folder["etc/master.key"], Cancel);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder["etc/master.key"]));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder["data"]));
        }

        await using (await RunningServer.StartAsync(folder.Path))
        {
            Assert.Equal(first, await File.ReadAllTextAsync(folder["etc/master.key"], Cancel));
        }

        Assert.DoesNotContain(Directory.EnumerateFiles(folder["data"], "*", SearchOption.AllDirectories), f => f.Contains("key", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task An_address_that_it_cannot_listen_at_is_named_in_one_line()
    {
        await using var server = await RunningServer.StartAsync();
        using var folder = TestFolder.Create();
        foreach (var (address, why) in new[] { (server.Http.BaseAddress!.ToString().TrimEnd('/'), "listens there already"), ("http://192.0.2.1:8080", "this machine has no such address") })
        {
            var (code, _, error) = await RunningServer.RunAsync(folder.Path, null, "server", "--data-dir", folder["data"], "--listen", address);
            Assert.Equal((int)ExitCode.Error, code);
            Assert.Contains($"buildrunner: cannot listen at {address}: ", error);
            Assert.Contains(why, error);
            Assert.DoesNotContain("   at ", error);
        }
    }

    [Fact]
    public async Task A_certificate_that_cannot_be_read_is_named_with_its_setting()
    {
        using var folder = TestFolder.Create();
        var environment = new Dictionary<string, string> { ["BUILDRUNNER_SERVER__CERTIFICATE"] = folder["none.pem"] };
        var (code, _, error) = await RunningServer.RunAsync(folder.Path, environment, "server", "--data-dir", folder["data"], "--listen", "https://127.0.0.1:0");
        Assert.Equal((int)ExitCode.Usage, code);
        Assert.Contains($"Server:Certificate {folder["none.pem"]}: ", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Theory]
    [InlineData("server")]
    [InlineData("db", "check")]
    public async Task A_database_that_is_none_or_away_is_no_defect_of_ours(params string[] verb)
    {
        using var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["data"]);
        Directory.CreateDirectory(folder["etc"]);
        await File.WriteAllTextAsync(folder["data/buildrunner.db"], new string('x', 5000), Cancel);
        var away = new Dictionary<string, string>
        {
            ["BUILDRUNNER_SECRETS__MASTERKEY"] = MasterKey.Generate().Export(),
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = "Host=127.0.0.1;Port=1;Database=x;Username=u;Password=hunter2",
        };
        var here = away.Where(e => e.Key.Contains("MASTERKEY", StringComparison.Ordinal)).ToDictionary();
        foreach (var (environment, named) in new[] { (here, "is not a database"), (away, "Database:ConnectionString") })
        {
            var (code, _, error) = await RunningServer.RunAsync(folder.Path, environment, [.. verb, "--data-dir", folder["data"]]);
            Assert.Equal((int)ExitCode.Error, code);
            Assert.Contains("buildrunner: the database cannot be used: ", error);
            Assert.Contains(named, error);
            Assert.DoesNotContain("defect", error);
            Assert.DoesNotContain("hunter2", error);
        }
    }

    [Theory]
    [InlineData("check")]
    [InlineData("backup", "x.tar")]
    public async Task Looking_at_a_folder_without_a_database_makes_nothing_there(params string[] verb)
    {
        using var folder = TestFolder.Create();
        var (code, _, error) = await RunningServer.RunAsync(folder.Path, null, ["db", .. verb, "--data-dir", folder["data"]]);
        Assert.Equal((int)ExitCode.Usage, code);
        Assert.Contains($"there is no database {folder["data/buildrunner.db"]}", error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Two_servers_do_not_share_a_data_directory_with_SQLite()
    {
        await using var server = await RunningServer.StartAsync();
        var (code, _, error) = await RunningServer.RunAsync(server.Folder, null, "server", "--data-dir", Path.Combine(server.Folder, "data"), "--listen", "http://127.0.0.1:0");
        Assert.Equal((int)ExitCode.Usage, code);
        Assert.Contains("another server uses", error);
    }

    [Fact]
    public async Task Settings_that_do_not_fit_are_all_named_before_anything_starts()
    {
        using var folder = TestFolder.Create();
        var (code, _, error) = await RunningServer.RunAsync(
            folder.Path,
            new Dictionary<string, string>
            {
                ["BUILDRUNNER_DATABASE__PROVIDER"] = "PostgreSql",
                ["BUILDRUNNER_BUS__TRANSPORT"] = "RabbitMq",
                ["BUILDRUNNER_BUS__RABBITMQ__URI"] = "http://kim:hunter2@example.com",
                ["BUILDRUNNER_SERVER__LISTEN"] = "127.0.0.1:80,https://127.0.0.1:0,http://*:0",
                ["BUILDRUNNER_AUTH__MODE"] = "None",
                ["BUILDRUNNER_SECRETS__MASTERKEYFILE"] = folder["data/master.key"],
            },
            "server", "--data-dir", folder["data"]);
        Assert.Equal((int)ExitCode.Usage, code);
        foreach (var name in new[] { "Database:ConnectionString", "Bus:RabbitMq:Uri", "'127.0.0.1:80'", "Server:Certificate", "Secrets:MasterKeyFile", "Auth:Mode" })
        {
            Assert.Contains(name, error);
        }

        Assert.DoesNotContain("hunter2", error);
        Assert.False(Directory.Exists(folder["data"]));
    }

    [Fact]
    public async Task Where_nobody_has_to_sign_in_it_says_so_and_asks_nobody_to()
    {
        await using var server = await RunningServer.StartAsync(environment: new Dictionary<string, string> { ["BUILDRUNNER_AUTH__MODE"] = "none" });
        await server.SeesAsync("nobody has to sign in");

        // A page with a form, at which the framework would warn that it is not kept by browsers.
        Assert.Contains("<form", await server.Http.GetStringAsync("/login", Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain("nobody can sign in yet", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("Cache-Control", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Readiness_tells_of_a_broker_that_is_away_and_goes_on_serving()
    {
        await using var server = await RunningServer.StartAsync(environment: new Dictionary<string, string>
        {
            ["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq",
            ["BUILDRUNNER_BUS__RABBITMQ__URI"] = "amqp://guest:hunter2@127.0.0.1:1/",
        });
        var text = await server.Http.GetStringAsync("/readyz", Cancel);
        Assert.StartsWith("ready\nbroker: RabbitMQ at 127.0.0.1:1 does not answer", text, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", text + server.Log);
    }

    [Fact]
    public async Task It_is_ready_on_PostgreSQL_and_RabbitMQ()
    {
        await using var server = await RunningServer.StartAsync(environment: new Dictionary<string, string>
        {
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await servers.DatabaseAsync(),
            ["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq",
            ["BUILDRUNNER_BUS__RABBITMQ__URI"] = (await servers.BrokerAsync()).ToString(),
            ["BUILDRUNNER_BUS__RABBITMQ__QUEUEPREFIX"] = "verb",
        });
        Assert.Equal("ready\n", await server.Http.GetStringAsync("/readyz", Cancel));
    }

    [Fact]
    public async Task Systemd_hears_that_it_is_ready_that_it_lives_and_that_it_ends()
    {
        using var folder = TestFolder.Create();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(folder["notify"]));
        await using var server = await RunningServer.StartAsync(environment: new Dictionary<string, string> { ["NOTIFY_SOCKET"] = folder["notify"], ["WATCHDOG_USEC"] = "200000" });
        var heard = new List<string>();
        while (heard.Count(h => h == "WATCHDOG=1") < 3)
        {
            heard.Add(await HearAsync(socket));
        }

        Assert.Equal("READY=1", heard[0]);
        await server.StopAsync();
        string last;
        do
        {
            last = await HearAsync(socket);
        }
        while (last == "WATCHDOG=1");
        Assert.Equal("STOPPING=1", last);
    }

    [Fact]
    public async Task A_token_made_on_the_servers_machine_is_printed_and_known_to_the_server()
    {
        await using var server = await RunningServer.StartAsync();
        var (code, output, _) = await RunningServer.RunAsync(server.Folder, null, "server", "token", "--name", "ops", "--scope", "read", "--data-dir", Path.Combine(server.Folder, "data"));
        Assert.Equal(0, code);
        Assert.StartsWith("brt_", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_are_told_by_the_names_of_the_conventions_and_only_to_who_has_the_token()
    {
        await using var server = await RunningServer.StartAsync(environment: new Dictionary<string, string> { ["BUILDRUNNER_SERVER__METRICSTOKEN"] = "abc" });
        using var refused = await server.Http.GetAsync("/metrics", Cancel);
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, refused.StatusCode);
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", "abc");
        var text = "";
        for (var tries = 0; tries < 50 && !text.Contains("buildrunner_slots{", StringComparison.Ordinal); tries++)
        {
            text = await server.Http.GetStringAsync("/metrics", Cancel);
            await Task.Delay(100, Cancel);
        }

        Assert.Contains("buildrunner_build_info{", text);
        Assert.Contains("buildrunner_slots{", text);
    }

    [Fact]
    public async Task There_is_an_instrument_for_every_name_that_is_documented()
    {
        var (published, gate) = (new HashSet<string>(), new Lock());
        using var listener = new System.Diagnostics.Metrics.MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                lock (gate)
                {
                    published.Add(instrument.Name);
                }
            },
        };
        listener.Start();
        await using var server = await RunningServer.StartAsync();
        var page = await File.ReadAllTextAsync(Path.Combine(Checkout(), "docs/operations.md"), Cancel);
        var section = page[page.IndexOf("## Metrics and traces", StringComparison.Ordinal)..];
        foreach (var name in Names)
        {
            lock (gate)
            {
                Assert.Contains(name, published);
            }

            Assert.True(section.Contains($"`{name}`", StringComparison.Ordinal) || section.Contains($"`{name[name.LastIndexOf('.')..]}`", StringComparison.Ordinal), $"{name} is not documented");
        }
    }

    [Fact]
    public async Task Without_the_setting_there_are_no_metrics()
    {
        await using var server = await RunningServer.StartAsync();
        using var answer = await server.Http.GetAsync("/metrics", Cancel);
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    private static readonly string[] Names =
    [
        "cicd.pipeline.run.duration", "cicd.pipeline.run.active", "cicd.pipeline.run.errors", "cicd.worker.count", "cicd.system.errors", "buildrunner.step.phase.duration", "buildrunner.queue.depth",
        "buildrunner.queue.oldest_age", "buildrunner.slots", "buildrunner.step.lost", "buildrunner.step.requeued", "buildrunner.log.bytes", "buildrunner.log.lag", "buildrunner.image.pull.bytes",
        "buildrunner.image.cache.hits", "buildrunner.container.ahead", "buildrunner.disk.free", "buildrunner.webhook.deliveries", "buildrunner.github.requests", "buildrunner.github.ratelimit.remaining", "buildrunner.schedule.fires", "buildrunner.build_info",
    ];

    private static string Checkout()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "BuildRunner.sln")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return directory;
    }

    private static async Task<string> HearAsync(Socket socket)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        var buffer = new byte[100];
        return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, patience.Token));
    }
}
