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
using Microsoft.Extensions.Logging;
using Serilog;

namespace BuildRunner.Hosting;

/// <summary>The server as a process: settings, HTTP, the log, signals and systemd around <see cref="ServerServices"/>.</summary>
internal static partial class ServerHost
{
    // Headers and small bodies; what may be larger says so itself.
    private const int MaxBody = 1024 * 1024;

    /// <summary>Serves until a signal asks it to end.</summary>
    public static async Task<int> RunAsync(EffectiveSettings settings, CliHost host, CancellationToken cancellationToken)
    {
        var plan = ServerPlan.Of(settings, host.Environment);
        using var folder = DataFolder.Open(plan.Options);
        await using var log = ServiceLog.Create(settings, host);
        await using var app = Build(plan, host, log);
        await RunAsync(app, host, cancellationToken);
        return (int)ExitCode.Success;
    }

    /// <summary>Puts it together; nothing is started.</summary>
    public static WebApplication Build(ServerPlan plan, CliHost host, Serilog.ILogger log)
    {
        // Empty: what stands in the working directory or in ASPNETCORE_ variables is no setting of ours.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, ApplicationName = "buildrunner" });
        builder.Services.AddSerilog(log);
        builder.Services.AddSingleton(host.Time);
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = plan.ShutdownGrace);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, plan));
        if (plan.Certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.Services.AddBuildRunnerServer(plan.Options, plan.Broker is { } broker ? bus => bus.UseRabbitMq(plan.Options.Bus, broker) : null);
        if (plan.Broker is { } watched)
        {
            builder.Services.AddSingleton(_ => new BrokerProbe(watched));
            builder.Services.AddSingleton(services => services.GetRequiredService<BrokerProbe>().Readiness);
        }

        ServerTelemetry.Add(builder, plan, host.Environment);
        var app = builder.Build();
        Use(app, plan);
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, ServerPlan plan)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = MaxBody;
        foreach (var address in plan.Listen.Concat(plan.MetricsListen is { } metrics ? [metrics] : []))
        {
            Action<ListenOptions> how = address.Scheme == "https" ? options => options.UseHttps(CertificateOf(plan)) : _ => { };
            if (System.Net.IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip))
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
    }

    private static X509Certificate2 CertificateOf(ServerPlan plan)
    {
        var (certificate, key) = plan.Certificate!.Value;
        return X509Certificate2.CreateFromPemFile(certificate, key ?? certificate);
    }

    private static void Use(WebApplication app, ServerPlan plan)
    {
        if (plan.TrustedProxies.Count > 0)
        {
            var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost };
            forwarded.KnownProxies.Clear();
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

    private static async Task RunAsync(WebApplication app, CliHost host, CancellationToken cancellationToken)
    {
        var lifetime = app.Services.GetRequiredService<IHostApplicationLifetime>();
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("BuildRunner.Server");
        using var systemd = Systemd.Of(host.Environment);
        using var signals = host.Signals.Listen(why =>
        {
            LogStopping(logger, why);
            lifetime.StopApplication();
        });
        await app.StartAsync(cancellationToken);
        foreach (var address in app.Urls)
        {
            LogListening(logger, address);
        }

        systemd.Ready();
        using var alive = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
        var beats = systemd.KeepAliveAsync(host.Time, alive.Token);
        await app.WaitForShutdownAsync(cancellationToken);
        systemd.Stopping();
        await beats;
        LogStopped(logger);
    }

    [LoggerMessage(3100, LogLevel.Information, "the server listens on {Address}")]
    private static partial void LogListening(Microsoft.Extensions.Logging.ILogger logger, string address);

    [LoggerMessage(3101, LogLevel.Information, "the server ends because {Why}")]
    private static partial void LogStopping(Microsoft.Extensions.Logging.ILogger logger, string why);

    [LoggerMessage(3102, LogLevel.Information, "the server has ended")]
    private static partial void LogStopped(Microsoft.Extensions.Logging.ILogger logger);

    /// <summary>Signals are heard by <see cref="StopSignals"/>; the framework's own lifetime would hear them too.</summary>
    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
