using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Runs;

/// <summary>Addresses of pages. By the setting; without one by where the server listens.</summary>
internal sealed class Links(ServerOptions options, IServiceProvider services)
{
    private Uri? root;

    /// <summary>The first page; ends with a slash.</summary>
    public Uri Root => root ??= Find();

    /// <summary>The page of a run.</summary>
    public Uri Run(string repository, int number) => new(Root, string.Create(CultureInfo.InvariantCulture, $"{repository}/runs/{number}"));

    /// <summary>The page that signs a browser in with a link's token.</summary>
    public Uri SignIn(string token) => new(Root, $"login/link?token={Uri.EscapeDataString(token)}");

    private Uri Find()
    {
        if (options.PublicUrl is { } set)
        {
            return new Uri(set.AbsoluteUri.TrimEnd('/') + "/");
        }

        // Not where it listens for everybody, but what somebody on this machine can type.
        var listening = services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault(a => a.StartsWith("http", StringComparison.Ordinal) && !a.Contains("unix:", StringComparison.Ordinal));
        return new Uri((listening ?? "http://127.0.0.1:8080").Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal).Replace("[::]", "127.0.0.1", StringComparison.Ordinal).TrimEnd('/') + "/");
    }
}
