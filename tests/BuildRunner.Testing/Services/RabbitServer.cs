using System.Globalization;
using System.Net.Sockets;

namespace BuildRunner.Testing.Services;

/// <summary>Debian's RabbitMQ on free ports of the loopback interface, with data, home and name server (epmd) of its own.</summary>
/// <remarks>Disposing it ends all of that and removes the data.</remarks>
public sealed class RabbitServer : IAsyncDisposable
{
    private const string User = "rabbitmq";
    private const string Program = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    private readonly TestFolder folder = TestFolder.Create();
    private readonly int port = OwnedProcess.FreePort();
    private readonly int names = OwnedProcess.FreePort();
    private readonly int distribution = OwnedProcess.FreePort();
    private readonly TimeSpan? consumerTimeout;
    private OwnedProcess? nameServer;
    private OwnedProcess? process;

    private RabbitServer(TimeSpan? consumerTimeout) => this.consumerTimeout = consumerTimeout;

    /// <summary>Where its data lies.</summary>
    public string Folder => folder.Path;

    /// <summary>What it has said.</summary>
    public string Log => File.ReadAllText(folder["log"]);

    /// <summary>How to connect.</summary>
    public Uri Uri => new($"amqp://guest:guest@127.0.0.1:{port}/");

    /// <summary>Starts a broker and waits until it answers.</summary>
    /// <param name="consumerTimeout">After which an unacknowledged delivery ends its channel; null: the broker's own.</param>
    public static async Task<RabbitServer> StartAsync(TimeSpan? consumerTimeout = null)
    {
        Requires.That(File.Exists(Program), "RabbitMQ (Debian's package rabbitmq-server)");
        Requires.Program("epmd");
        var server = new RabbitServer(consumerTimeout);
        try
        {
            await server.PrepareAsync();
            await server.RestartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends it as <c>kill -9</c> does; the data stays.</summary>
    public async Task KillAsync()
    {
        await process!.SignalAsync("KILL");
        await process.DisposeAsync();
        process = null;
    }

    /// <summary>Starts it again on the same port with the same data.</summary>
    public async Task RestartAsync()
    {
        process = await OwnedProcess.StartAsync([Program], folder["log"], User, environment: Environment());
        for (var tries = 0; ; tries++)
        {
            try
            {
                await GreetAsync();
                return;
            }
            catch (Exception e) when (e is SocketException or IOException && tries < 2400 && process.IsRunning)
            {
                // Starting; ask again.
                await Task.Delay(100);
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                throw new InvalidOperationException($"RabbitMQ did not start: {await File.ReadAllTextAsync(folder["log"])}", e);
            }
        }
    }

    /// <summary>Sets how much of its disk has to be free; with less it takes no messages from anybody.</summary>
    /// <param name="limit">Bytes.</param>
    public Task RequireFreeDiskAsync(string limit) => ControlAsync("set_disk_free_limit", limit);

    /// <summary>Sets how much of the machine's memory it may use; with more in use it takes no messages from anybody.</summary>
    /// <param name="part">0 to 1.</param>
    public Task AllowMemoryAsync(string part) => ControlAsync("set_vm_memory_high_watermark", part);

    /// <summary>Makes a user.</summary>
    /// <param name="name">Its name, and its password.</param>
    /// <param name="writes">A pattern: the exchanges that it may send to. Everything else it may.</param>
    /// <returns>How that user connects.</returns>
    public async Task<Uri> AddUserAsync(string name, string writes)
    {
        await ControlAsync("add_user", name, name);
        await ControlAsync("set_permissions", name, ".*", writes, ".*");
        return new Uri($"amqp://{name}:{name}@127.0.0.1:{port}/");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var each in new[] { process, nameServer }.OfType<OwnedProcess>())
        {
            await each.DisposeAsync();
        }

        folder.Dispose();
    }

    private async Task PrepareAsync()
    {
        Directory.CreateDirectory(folder["home"]);
        var config = $"""
            listeners.tcp.1 = 127.0.0.1:{port}
            loopback_users.guest = true
            log.console = true
            log.file = false
            disk_free_limit.absolute = 10MB
            {(consumerTimeout is { } timeout ? string.Create(CultureInfo.InvariantCulture, $"consumer_timeout = {timeout.TotalMilliseconds:0}") : "")}
            """;
        await File.WriteAllTextAsync(folder["rabbitmq.conf"], config);
        await File.WriteAllTextAsync(folder["enabled_plugins"], "[].");
        await OwnedProcess.RunAsync(["chmod", "-R", "a+rwX", folder.Path], user: null);
        nameServer = await OwnedProcess.StartAsync(
            [Requires.Find("epmd")!, "-address", "127.0.0.1", "-port", names.ToString(CultureInfo.InvariantCulture)], folder["epmd.log"], User, environment: Environment());
    }

    private Task ControlAsync(params string[] command) => OwnedProcess.RunAsync(
        ["env", .. Environment().Select(e => $"{e.Key}={e.Value}"), "/usr/lib/rabbitmq/bin/rabbitmqctl", .. command], User);

    private Dictionary<string, string> Environment() => new()
    {
        ["HOME"] = folder["home"],
        ["ERL_EPMD_PORT"] = names.ToString(CultureInfo.InvariantCulture),
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        ["RABBITMQ_NODENAME"] = $"test{port}@localhost",
        ["RABBITMQ_DIST_PORT"] = distribution.ToString(CultureInfo.InvariantCulture),
        ["RABBITMQ_MNESIA_BASE"] = folder["mnesia"],
        ["RABBITMQ_LOG_BASE"] = folder["logs"],
        ["RABBITMQ_CONFIG_FILE"] = folder["rabbitmq.conf"],
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = folder["enabled_plugins"],
        ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
    };

    // The broker answers a protocol header that it does not know with its own: it speaks.
    private async Task GreetAsync()
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port);
        await client.GetStream().WriteAsync("AMQP\0\0\0\0"u8.ToArray());
        var answer = new byte[8];
        await client.GetStream().ReadExactlyAsync(answer);
    }
}
