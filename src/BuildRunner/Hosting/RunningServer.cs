using System.Net.Sockets;
using BuildRunner.Cli;
using BuildRunner.Server.Hosting;
using BuildRunner.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Hosting;

/// <summary>A server that serves, with its agent if it has one. Disposing it ends both: first the agent, which still has to report, then the server.</summary>
internal sealed partial class RunningServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly CliHost host;
    private readonly ILogger logger;
    private EmbeddedAgent? agent;

    private RunningServer(WebApplication app, CliHost host)
    {
        this.app = app;
        this.host = host;
        logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("BuildRunner.Server");
    }

    /// <summary>The server, for whoever shares its process.</summary>
    public ServerHandle Handle => app.Services.GetRequiredService<ServerHandle>();

    /// <summary>Starts one; it serves when this returns.</summary>
    public static async Task<RunningServer> StartAsync(
        EffectiveSettings settings, ServerPlan plan, CliHost host, Serilog.ILogger log, bool withAgent, CancellationToken cancellationToken)
    {
        var door = withAgent ? EmbeddedAgent.NewDoor() : null;
        var server = new RunningServer(ServerHost.Build(plan, host, log, door), host);
        try
        {
            await server.app.StartAsync(cancellationToken);
            foreach (var address in server.app.Urls.Where(u => !u.Contains("unix:", StringComparison.Ordinal)))
            {
                LogListening(server.logger, address);
            }

            LastAddress.Keep(plan.Options.DataDirectory, server.Handle.Root);

            server.agent = door is null ? null : await EmbeddedAgent.StartAsync(settings, host, door, server.app.Services, plan.Options.DataDirectory, cancellationToken);
            return server;
        }
        catch (Exception problem)
        {
            // Whoever asked for it gets no server that could be disposed.
            await server.DisposeAsync();
            if (WhyItCannotListen(problem) is not { } why)
            {
                throw;
            }

            var metrics = plan.MetricsListen is { } address ? $" or {ServerKeys.MetricsListen} ({address})" : "";
            throw new CliException(ExitCode.Error, $"cannot listen at {string.Join(", ", plan.Listen)}: {why}; name another address with --listen, {ServerKeys.Listen}{metrics}");
        }
    }

    private static string? WhyItCannotListen(Exception problem) => problem switch
    {
        IOException { InnerException: AddressInUseException } => "another program, or another BuildRunner, listens there already",
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => "this machine has no such address",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "this user may not; ports below 1024 need root, or CAP_NET_BIND_SERVICE",
        _ => null,
    };

    /// <summary>Says that nobody can sign in yet, and what to do.</summary>
    public void SayNobody() => LogNobody(logger);

    /// <summary>Says that it is up, and by which link an administrator signs in.</summary>
    public void SayUp(Uri link) => LogUp(logger, Handle.Root, link);

    /// <summary>Says that it is up, and that nobody has to sign in.</summary>
    public void SayOpen() => LogOpen(logger, Handle.Root);

    /// <summary>Says that it is up, and that there is no link yet.</summary>
    /// <param name="why">Why not.</param>
    public void SayNoLink(string why) => LogNoLink(logger, Handle.Root, why);

    /// <summary>Serves until somebody asks it to end, and what its agent has is finished.</summary>
    /// <param name="asked">Ends with who asks, as a sentence.</param>
    /// <param name="cancellationToken">Ends it too.</param>
    public async Task WaitAsync(Task<string> asked, CancellationToken cancellationToken)
    {
        using var systemd = Systemd.Of(host.Environment);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, app.Lifetime.ApplicationStopping);
        using var over = new CancellationTokenSource();
        systemd.Ready();
        var beats = systemd.KeepAliveAsync(host.Time, over.Token);
        await Task.WhenAny(asked, Task.Delay(Timeout.InfiniteTimeSpan, host.Time, stopping.Token));
        await stopping.CancelAsync();
        if (asked.IsCompletedSuccessfully)
        {
            LogStopping(logger, await asked);
        }

        systemd.Stopping();
        await EndAsync();
        await over.CancelAsync();
        await beats;
        LogStopped(logger);
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        await app.DisposeAsync();
    }

    private async Task EndAsync()
    {
        if (agent is { } mine)
        {
            agent = null;
            await mine.DisposeAsync();
        }

        await app.StopAsync();
    }

    [LoggerMessage(3100, LogLevel.Information, "the server listens on {Address}")]
    private static partial void LogListening(ILogger logger, string address);

    [LoggerMessage(3101, LogLevel.Information, "the server ends because {Why}")]
    private static partial void LogStopping(ILogger logger, string why);

    [LoggerMessage(3103, LogLevel.Warning, "nobody can sign in yet; 'buildrunner server link' prints a link for an administrator, 'buildrunner server token' a token for the API")]
    private static partial void LogNobody(ILogger logger);

    [LoggerMessage(3104, LogLevel.Information, "BuildRunner is up at {Address}; sign in as administrator, once, within the hour: {Link}")]
    private static partial void LogUp(ILogger logger, Uri address, Uri link);

    [LoggerMessage(3106, LogLevel.Information, "BuildRunner is up at {Address}; nobody has to sign in (Auth:Mode is none): whoever calls from this machine may do everything")]
    private static partial void LogOpen(ILogger logger, Uri address);

    [LoggerMessage(3105, LogLevel.Warning, "BuildRunner is up at {Address}, and has no link to sign in with, because {Why}. When it is back, 'buildrunner server link' prints one")]
    private static partial void LogNoLink(ILogger logger, Uri address, string why);

    [LoggerMessage(3107, LogLevel.Information, "the server has ended")]
    private static partial void LogStopped(ILogger logger);
}
