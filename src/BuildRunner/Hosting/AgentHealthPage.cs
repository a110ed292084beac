using System.Globalization;
using BuildRunner.Agent;
using BuildRunner.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Hosting;

/// <summary>Answers <c>/healthz</c> for an agent with a process of its own: 200 while it works, also while it finishes what it has or takes nothing new; 503 while its server does not answer.</summary>
internal sealed class AgentHealthPage : IAsyncDisposable
{
    private readonly WebApplication? app;

    private AgentHealthPage(WebApplication? app) => this.app = app;

    /// <summary>Starts it, where the setting names an address.</summary>
    /// <exception cref="SettingsException">It is no address.</exception>
    /// <exception cref="IOException">The address is taken.</exception>
    public static async Task<AgentHealthPage> StartAsync(EffectiveSettings settings, AgentHealth health, CancellationToken cancellationToken)
    {
        if (settings.Text(AgentKeys.HealthListen) is null)
        {
            return new AgentHealthPage(null);
        }

        var problems = new List<string>();
        var addresses = ServerPlan.Addresses(settings, AgentKeys.HealthListen, problems);
        problems.AddRange(addresses.Where(a => a.Scheme != "http").Select(a => $"{AgentKeys.HealthListen}: '{a}' must begin with http://"));
        if (problems.Count > 0)
        {
            throw new SettingsException(problems);
        }

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.WebHost.UseUrls([.. addresses.Select(a => a.ToString())]);
        builder.Services.AddRoutingCore();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.MapGet("/healthz", () => Answer(health.Look()));
        await app.StartAsync(cancellationToken);
        return new AgentHealthPage(app);
    }

    public ValueTask DisposeAsync() => app?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static ContentHttpResult Answer(AgentLook look)
    {
        var words = !look.Works ? $"not working: {look.Why}" : look.Why is { } why ? $"ok, but takes nothing new: {why}" : "ok";
        return TypedResults.Text(
            string.Create(CultureInfo.InvariantCulture, $"{words}\n{look.Running} of {look.Slots} slots are in use\n"),
            statusCode: look.Works ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
