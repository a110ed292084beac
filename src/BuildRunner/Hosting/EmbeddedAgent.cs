using System.Net.Sockets;
using BuildRunner.Agent;
using BuildRunner.Agent.Contract;
using BuildRunner.Cli;
using BuildRunner.Containers.Engine;
using BuildRunner.Server.Hosting;
using BuildRunner.Settings;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Hosting;

/// <summary>An agent in the server's process. It speaks the same contract as any other, over a socket that has a name but no address.</summary>
internal sealed partial class EmbeddedAgent : IAsyncDisposable
{
    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource stop = new();
    private readonly SocketsHttpHandler handler;
    private readonly IContainerEngine engine;
    private readonly ILogger logger;
    private Task running = Task.CompletedTask;
    private bool waits;

    private EmbeddedAgent(UnixDomainSocketEndPoint door, IContainerEngine engine, ILogger logger)
    {
        this.engine = engine;
        this.logger = logger;
        handler = new SocketsHttpHandler { UseProxy = false, ConnectCallback = (_, token) => ConnectAsync(door, token) };
    }

    /// <summary>A name for the server's socket that no other process has.</summary>
    public static UnixDomainSocketEndPoint NewDoor() => new($"\0buildrunner-{Guid.NewGuid():N}");

    /// <summary>Starts it. An engine that cannot run containers is told, and keeps nothing else from serving.</summary>
    public static async Task<EmbeddedAgent> StartAsync(
        EffectiveSettings settings, CliHost host, UnixDomainSocketEndPoint door, IServiceProvider server, string dataDirectory, CancellationToken cancellationToken)
    {
        var loggers = server.GetRequiredService<ILoggerFactory>();
        var logger = loggers.CreateLogger("BuildRunner.Agent");
        var agent = new EmbeddedAgent(door, host.NewEngine(settings, host), logger);
        var options = OptionsOf(settings, host, dataDirectory);
        var embed = (CancellationToken token) => agent.TryEmbedAsync(server.GetRequiredService<ServerHandle>(), options, AgentPlan.LabelsOf(settings), token);
        agent.running = agent.RunAsync(await embed(cancellationToken), embed, loggers, host.Time);
        return agent;
    }

    // Null: the database went after the server had begun to serve, which must not end the server.
    private async Task<AgentHostOptions?> TryEmbedAsync(ServerHandle server, AgentHostOptions options, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken)
    {
        try
        {
            return options with { Credential = (await server.EmbedAgentAsync(options.Name, labels, cancellationToken)).Credential };
        }
        catch (Exception problem) when (DatabaseTrouble.Of(problem) is { } trouble)
        {
            if (!waits)
            {
                waits = true;
                LogWaits(logger, trouble);
            }

            return null;
        }
    }

    /// <summary>Finishes what it has, and takes nothing new.</summary>
    public async Task DrainAsync()
    {
        await stop.CancelAsync();
        await running;
    }

    public async ValueTask DisposeAsync()
    {
        await DrainAsync();
        handler.Dispose();
        await engine.DisposeAsync();
        stop.Dispose();
    }

    private static AgentHostOptions OptionsOf(EffectiveSettings settings, CliHost host, string dataDirectory)
    {
        var options = AgentPlan.Of(settings, host, new Uri("http://embedded/"));

        // What the server may clone by a path its own agent may too.
        return options with
        {
            WorkDirectory = settings.Text(AgentKeys.WorkDir) is null ? Path.Combine(dataDirectory, "agent") : options.WorkDirectory,
            AllowedSources = [.. options.AllowedSources, .. settings.List(ServerKeys.LocalFolders)],
        };
    }

    private static async ValueTask<Stream> ConnectAsync(UnixDomainSocketEndPoint door, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(door, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            // Nobody else has it yet.
            socket.Dispose();
            throw;
        }
    }

    private async Task RunAsync(AgentHostOptions? embedded, Func<CancellationToken, Task<AgentHostOptions?>> embed, ILoggerFactory loggers, TimeProvider time)
    {
        try
        {
            // Nobody waits for this: the server serves meanwhile.
            await Task.Yield();
            while (embedded is null)
            {
                await Task.Delay(BetweenTries, time, stop.Token);
                embedded = await embed(stop.Token);
            }

            await using var machine = await EngineWatch.StartAsync(engine, logger, time, stop.Token);
            await AgentHost.RunAsync(embedded with { EngineProblem = () => machine.Problem }, engine, handler, loggers, time, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to end before it had begun.
        }
        catch (Exception e)
        {
            // Whatever it is, the server goes on without it: what waits says that no agent is online.
            LogEnded(logger, e is ContractException or IOException or ArgumentException or ContainerException ? null : e, e.Message);
        }
    }

    [LoggerMessage(3144, LogLevel.Warning, "the agent in this process waits, because {Why}")]
    private static partial void LogWaits(ILogger logger, string why);

    [LoggerMessage(3141, LogLevel.Error, "the agent in this process has ended, and runs nothing: {Why}")]
    private static partial void LogEnded(ILogger logger, Exception? defect, string why);
}
