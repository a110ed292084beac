using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using BuildRunner.Cli;
using BuildRunner.Server.Hosting;
using BuildRunner.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Serilog;

namespace BuildRunner.Hosting;

/// <summary>The server as a process: settings, HTTP, the log, signals and systemd around <see cref="ServerServices"/>.</summary>
internal static class ServerHost
{
    private const string Ending = "ctrl-c ends it: what runs is finished first; a second ctrl-c leaves at once.";

    // Headers and small bodies; what may be larger says so itself.
    private const int MaxBody = 1024 * 1024;

    /// <summary>Serves until a signal asks it to end.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="host">The process.</param>
    /// <param name="isUp">True: as <c>up</c> does, with an agent unless a setting says no, and with a link for an administrator.</param>
    /// <param name="cancellationToken">Ends it too.</param>
    public static async Task<int> RunAsync(EffectiveSettings settings, CliHost host, bool isUp, CancellationToken cancellationToken)
    {
        var plan = ServerPlan.Of(settings, host.Environment);
        var door = settings.Text(ServerKeys.EmbeddedAgent) is null ? isUp : settings.Flag(ServerKeys.EmbeddedAgent);
        if (door)
        {
            host.ReexecRootless?.Invoke(settings, host, false);
        }

        using var folder = DataFolder.Open(plan.Options);
        await using var log = ServiceLog.Create(settings, host);

        // Heard from here on, also while it starts.
        var asked = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var signals = host.Signals.Listen(why => asked.TrySetResult(why));
        await using var server = await StartAsync(token => RunningServer.StartAsync(settings, plan, host, log, door, token), asked.Task, plan.ShutdownGrace, host.Time, cancellationToken);
        if (server is null)
        {
            log.Information("the server ends before it has started, because {Why}", await asked.Task);
            return (int)ExitCode.Success;
        }

        await TellAsync(server, host, plan, isUp, ServiceLog.IsText(settings, host), cancellationToken);
        await server.WaitAsync(asked.Task, cancellationToken);
        return (int)ExitCode.Success;
    }

    // A start may wait for as long as another server migrates, or a database is away; whoever asks it to end does not wait with it.
    // Once it has started, the token that it started with ends nothing any more: what its agent has is finished first.
    private static async Task<RunningServer?> StartAsync(
        Func<CancellationToken, Task<RunningServer>> start, Task asked, TimeSpan grace, TimeProvider time, CancellationToken cancellationToken)
    {
        using var starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var token = starting.Token;
        var server = Task.Run(() => start(token), CancellationToken.None);
        if (await Task.WhenAny(server, asked) == asked && !server.IsCompleted)
        {
            await starting.CancelAsync();
            await Task.WhenAny(server, Task.Delay(grace, time, CancellationToken.None));
            if (!server.IsCompletedSuccessfully)
            {
                return null;
            }
        }

        return await server;
    }

    private static async Task TellAsync(RunningServer server, CliHost host, ServerPlan plan, bool isUp, bool isText, CancellationToken cancellationToken)
    {
        if (plan.Options.OpenToThisMachine)
        {
            SayOpen(server, host, isUp && isText);
            return;
        }

        try
        {
            if (isUp)
            {
                SayUp(server, host, isText, await server.Handle.AdministratorLinkAsync(cancellationToken));
            }
            else if (!await server.Handle.HasAdministratorAsync(cancellationToken))
            {
                server.SayNobody();
            }
        }
        catch (Exception problem) when (DatabaseTrouble.Of(problem) is { } trouble)
        {
            // The database went after the server had begun to serve: the server goes on when it is back.
            if (isUp)
            {
                server.SayNoLink(trouble);
            }
        }
    }

    private static void SayOpen(RunningServer server, CliHost host, bool isText)
    {
        if (!isText)
        {
            server.SayOpen();
            return;
        }

        host.Say($"\nBuildRunner is up at {server.Handle.Root}\nNobody has to sign in ({ServerKeys.AuthMode} is none): whoever calls from this machine may do everything.\n\n{Ending}\n\n");
    }

    private static void SayUp(RunningServer server, CliHost host, bool isText, Uri link)
    {
        if (!isText)
        {
            // Whoever reads the log reads JSON: nothing else stands on the same stream.
            server.SayUp(link);
            return;
        }

        host.Say($"\nBuildRunner is up at {server.Handle.Root}\nSign in as administrator, once, within the hour:\n\n  {link}\n\n"
            + $"'buildrunner server link' prints another one. {Ending}\n\n");
    }

    /// <summary>Puts it together; nothing is started.</summary>
    /// <param name="plan">What it is.</param>
    /// <param name="host">The process.</param>
    /// <param name="log">Where it says what it does.</param>
    /// <param name="door">Where an agent in the same process calls; null: there is none.</param>
    public static WebApplication Build(ServerPlan plan, CliHost host, Serilog.ILogger log, EndPoint? door)
    {
        // Connecting takes long, and most of it is this process's own work: it is done beside the rest.
        var database = ServerServices.OpenDatabase(plan.Options, host.Time);
        database.Waits += what => log.Warning("the server waits for {What:l}", what);
        database.LookAhead();
        var probe = plan.Broker is { } watched ? new BrokerProbe(watched) : null;
        probe?.ConnectAhead();

        // Empty: what stands in the working directory or in ASPNETCORE_ variables is no setting of ours.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, ApplicationName = "buildrunner" });
        builder.Services.AddSerilog(log);
        builder.Services.AddSingleton(host.Time);
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = plan.ShutdownGrace);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, plan, door));
        if (plan.Certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.Services.AddBuildRunnerServer(plan.Options, plan.Broker is { } broker ? bus => bus.UseRabbitMq(plan.Options.Bus, broker) : null);
        builder.Services.AddSingleton(_ => database);
        if (probe is not null)
        {
            builder.Services.AddSingleton(_ => probe);
            builder.Services.AddSingleton(services => services.GetRequiredService<BrokerProbe>().Readiness);
            builder.Services.AddHostedService<BrokerGauge>();
        }

        builder.Services.AddHostedService<QuietMemory>();
        ServerTelemetry.Add(builder, plan, host.Environment);
        var app = builder.Build();
        ServerServices.PrepareBus(app.Services);
        Use(app, plan);
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, ServerPlan plan, EndPoint? door)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = MaxBody;
        foreach (var address in plan.Listen.Concat(plan.MetricsListen is { } metrics ? [metrics] : []))
        {
            Action<ListenOptions> how = address.Scheme == "https" ? options => options.UseHttps(CertificateOf(plan)) : _ => { };
            if (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip))
            {
                kestrel.Listen(ip, address.Port, how);
            }
            else if (address.Host == "localhost")
            {
                kestrel.ListenLocalhost(address.Port, how);
            }
            else
            {
                kestrel.ListenAnyIP(address.Port, how);
            }
        }

        if (door is not null)
        {
            kestrel.Listen(door);
        }
    }

    private static X509Certificate2 CertificateOf(ServerPlan plan)
    {
        var (certificate, key) = plan.Certificate!.Value;
        try
        {
            return X509Certificate2.CreateFromPemFile(certificate, key ?? certificate);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CliException(
                ExitCode.Usage, $"{ServerKeys.Certificate} {certificate}{(key is null ? "" : $", {ServerKeys.CertificateKey} {key}")}: {e.Message.TrimEnd('.')}; both are files in PEM, and the key has no password");
        }
    }

    private static void Use(WebApplication app, ServerPlan plan)
    {
        if (plan.TrustedProxies.Count > 0)
        {
            var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost };
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var proxy in plan.TrustedProxies)
            {
                forwarded.KnownProxies.Add(proxy);
            }

            app.UseForwardedHeaders(forwarded);
        }

        if (plan.BasePath.HasValue)
        {
            app.UsePathBase(plan.BasePath);
        }

        ServerTelemetry.Use(app, plan);
        app.UseBuildRunnerServer();
        app.MapBuildRunnerServer();
    }

    /// <summary>Signals are heard by <see cref="StopSignals"/>; the framework's own lifetime would hear them too.</summary>
    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
