using System.Security.Cryptography;
using System.Text;
using BuildRunner.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace BuildRunner.Hosting;

/// <summary>Hands out what the server measures: to Prometheus at <c>/metrics</c>, and over OTLP where the standard <c>OTEL_</c> variables say so. Where nobody asked for either nothing of it is loaded.</summary>
internal static class ServerTelemetry
{
    private const string Path = "/metrics";

    /// <summary>Adds it.</summary>
    public static void Add(WebApplicationBuilder builder, ServerPlan plan, IReadOnlyDictionary<string, string> environment)
    {
        if (HasPrometheus(plan) || HasOtlp(environment))
        {
            // Where to, how, how often: the packages read that from the host's configuration, which is otherwise empty.
            builder.Configuration.AddInMemoryCollection(environment.Where(e => e.Key.StartsWith("OTEL_", StringComparison.Ordinal)).Select(e => KeyValuePair.Create(e.Key, (string?)e.Value)));
            AddOpenTelemetry(builder, HasPrometheus(plan), HasOtlp(environment));
        }
    }

    /// <summary>Answers <c>/metrics</c>, before anything else is asked who calls.</summary>
    public static void Use(WebApplication app, ServerPlan plan)
    {
        if (!HasPrometheus(plan))
        {
            return;
        }

        // What arrives at the address for metrics gets metrics or nothing, whatever it asks for.
        var port = plan.MetricsListen?.Port;
        app.MapWhen(http => port is not null && http.Connection.LocalPort == port, metrics => UsePrometheus(metrics, _ => true));
        app.MapWhen(http => http.Request.Path == Path, metrics => UsePrometheus(metrics, http => plan.MetricsToken is { } token && Knows(http, token)));
    }

    private static void UsePrometheus(IApplicationBuilder metrics, Func<HttpContext, bool> may)
    {
        metrics.Use(async (http, next) =>
        {
            if (http.Request.Path != Path)
            {
                http.Response.StatusCode = StatusCodes.Status404NotFound;
            }
            else if (!may(http))
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                http.Response.Headers.WWWAuthenticate = "Bearer";
            }
            else
            {
                await next(http);
            }
        });
        metrics.UseOpenTelemetryPrometheusScrapingEndpoint(Path);
    }

    private static bool Knows(HttpContext http, string token) =>
        http.Request.Headers.Authorization.ToString() is var header && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(header["Bearer ".Length..].Trim())), SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private static bool HasPrometheus(ServerPlan plan) => plan.MetricsListen is not null || plan.MetricsToken is not null;

    private static bool HasOtlp(IReadOnlyDictionary<string, string> environment) =>
        environment.Keys.Any(k => k.StartsWith("OTEL_EXPORTER_OTLP", StringComparison.Ordinal) && k.EndsWith("ENDPOINT", StringComparison.Ordinal))
        && environment.GetValueOrDefault("OTEL_SDK_DISABLED") != "true";

    private static void AddOpenTelemetry(WebApplicationBuilder builder, bool prometheus, bool otlp)
    {
        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(r => r.AddService("buildrunner", serviceVersion: ProductVersion()));
        telemetry.WithMetrics(metrics =>
        {
            metrics.AddMeter(ServerMeter.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel").AddRuntimeInstrumentation();
            _ = prometheus ? metrics.AddPrometheusExporter() : metrics;
            _ = otlp ? metrics.AddOtlpExporter() : metrics;
        });
        if (otlp)
        {
            telemetry.WithTracing(traces => traces.AddSource(ServerMeter.Name).AddOtlpExporter());
        }
    }

    private static string ProductVersion() => typeof(ServerMeter).Assembly.GetName().Version?.ToString(3) ?? "0";
}
