using BuildRunner.Agent.Contract;
using BuildRunner.Agent.Work;
using BuildRunner.Containers.Engine;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent;

/// <summary>An agent: takes work from a server, and does it. The same, whether it has a process of its own or shares the server's.</summary>
public static class AgentHost
{
    /// <summary>Runs an agent until it is asked to end, has drained, and has said goodbye.</summary>
    /// <param name="options">What it is and may do.</param>
    /// <param name="engine">Runs its containers; stays the caller's.</param>
    /// <param name="handler">Carries its calls to the server, and stays the caller's; null: the network, with the proxy of the environment.</param>
    /// <param name="logs">What it tells about itself.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Asks it to end: it finishes what it has within its grace, and then reports.</param>
    /// <exception cref="ContractException">The server does not want this agent: its message says why and what to do.</exception>
    /// <exception cref="IOException">Its folder cannot be used.</exception>
    /// <exception cref="ArgumentException">The options cannot be used.</exception>
    public static async Task RunAsync(
        AgentHostOptions options, IContainerEngine engine, HttpMessageHandler? handler, ILoggerFactory logs, TimeProvider time, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(logs);
        if (options.Problems() is { Count: > 0 } problems)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, problems), nameof(options));
        }

        using var folder = WorkFolder.Open(options.WorkDirectory, VolatileFolder.Of(options));
        using var http = handler is null ? new HttpClient(NewHandler()) : new HttpClient(handler, disposeHandler: false);
        http.BaseAddress = options.Server;
        http.Timeout = Timeout.InfiniteTimeSpan;
        var client = new AgentContractClient(http, time);
        await using var session = new AgentSession(options, engine, client, folder, logs, time);
        await session.RunAsync(stop);
    }

    private static SocketsHttpHandler NewHandler() => new()
    {
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        KeepAlivePingDelay = TimeSpan.FromSeconds(15),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        AllowAutoRedirect = false,
    };
}
