using BuildRunner.Cli;
using BuildRunner.Server.Hosting;
using BuildRunner.Settings;

namespace BuildRunner.Hosting;

/// <summary>Makes a token for the API by way of the database itself.</summary>
internal static class ServerTokens
{
    /// <summary>Makes one. The server may be running meanwhile.</summary>
    public static async Task<string> CreateAsync(EffectiveSettings settings, CliHost host, string name, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        var plan = ServerPlan.Of(settings, host.Environment);
        await using var desk = await ServerDesk.OpenAsync(plan.Options, host.Time, cancellationToken);
        return await desk.CreateTokenAsync(name, scopes, cancellationToken);
    }
}
