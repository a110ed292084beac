using System.Collections.Concurrent;
using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using BuildRunner.Server.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BuildRunner.Server.Pages;

/// <summary>Scripts, styles and icons of the pages. They lie in this assembly: there is nothing to install, and nothing comes from elsewhere.</summary>
internal static class Assets
{
    private const string Prefix = "BuildRunner.Server.Pages.Assets.";
    private static readonly Assembly Home = typeof(Assets).Assembly;
    private static readonly ConcurrentDictionary<string, (byte[] Plain, byte[] Packed)?> Files = new(StringComparer.Ordinal);

    /// <summary>Names the content of all files: another one is another address, so that browsers may keep each for good.</summary>
    public static string Version { get; } = Hash();

    /// <summary>Maps them. Whoever is not signed in needs them too.</summary>
    public static void MapAssets(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/assets/{version}/{name}", ApiRouting.Plain(http => Task.FromResult(Answer(http)))).AllowAnonymous().ExcludeFromDescription();

    /// <summary>A file's bytes; null: there is none of that name.</summary>
    public static byte[]? Read(string name) => Find(name)?.Plain;

    private static IResult Answer(HttpContext http)
    {
        var (version, name) = ((string)http.GetRouteValue("version")!, (string)http.GetRouteValue("name")!);
        if (Find(name) is not var (plain, packed))
        {
            return TypedResults.NotFound();
        }

        // An address of another version gets what there is now, and is asked for again.
        http.Response.Headers.CacheControl = version == Version ? "public, max-age=31536000, immutable" : "no-store";
        http.Response.Headers.Vary = "Accept-Encoding";
        var small = packed.Length < plain.Length && http.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.Ordinal);
        if (small)
        {
            http.Response.Headers.ContentEncoding = "br";
        }

        return TypedResults.Bytes(small ? packed : plain, TypeOf(name));
    }

    private static (byte[] Plain, byte[] Packed)? Find(string name) => name.Length > 60 ? null : Files.GetOrAdd(name, Load);

    private static (byte[] Plain, byte[] Packed)? Load(string name)
    {
        using var source = Home.GetManifestResourceStream(Prefix + name);
        if (source is null)
        {
            return null;
        }

        using var plain = new MemoryStream();
        source.CopyTo(plain);
        using var packed = new MemoryStream();
        using (var packer = new BrotliStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            packer.Write(plain.ToArray());
        }

        return (plain.ToArray(), packed.ToArray());
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };

    private static string Hash()
    {
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var name in Home.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var source = Home.GetManifestResourceStream(name)!;
            var bytes = new byte[source.Length];
            source.ReadExactly(bytes);
            all.AppendData(bytes);
        }

        return Convert.ToHexStringLower(all.GetHashAndReset().AsSpan(0, 8));
    }
}
