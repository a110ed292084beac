using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Tests.Sources;

/// <summary>A git host on loopback: TLS with an authority of its own, basic authentication, and git's own program behind it.</summary>
internal sealed class GitOverHttps : IAsyncDisposable
{
    private readonly WebApplication app;

    private GitOverHttps(WebApplication app) => this.app = app;

    /// <summary>Where it is.</summary>
    public Uri Root => new(app.Urls.First());

    /// <summary>What callers showed as Authorization.</summary>
    public List<string> Seen { get; } = [];

    /// <summary>Serves the repositories below a folder.</summary>
    /// <param name="repositories">The folder.</param>
    /// <param name="authority">Where the certificate of the authority is written.</param>
    /// <param name="password">The password of user <c>kim</c>.</param>
    public static async Task<GitOverHttps> StartAsync(string repositories, string authority, string password)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var made = request.CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await File.WriteAllTextAsync(authority, made.ExportCertificatePem());
        var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l =>
        {
            l.Protocols = HttpProtocols.Http1;
            l.UseHttps(certificate);
        }));
        var server = new GitOverHttps(builder.Build());
        var expected = "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"kim:{password}"));
        server.app.Run(async http =>
        {
            lock (server.Seen)
            {
                server.Seen.Add(http.Request.Headers.Authorization.ToString());
            }

            if (http.Request.Path.StartsWithSegments("/moved", StringComparison.Ordinal))
            {
                http.Response.Redirect($"/acme/shop.git{http.Request.Path.Value!["/moved/shop.git".Length..]}{http.Request.QueryString}");
            }
            else if (http.Request.Headers.Authorization != expected)
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                http.Response.Headers.WWWAuthenticate = "Basic realm=\"git\"";
            }
            else
            {
                await BackendAsync(http, repositories);
            }
        });
        await server.app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    // CGI: headers, an empty line, the body.
    private static async Task BackendAsync(HttpContext http, string repositories)
    {
        var start = new ProcessStartInfo("git", ["http-backend"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["GIT_PROJECT_ROOT"] = repositories;
        start.Environment["GIT_HTTP_EXPORT_ALL"] = "1";
        start.Environment["GIT_PROTOCOL"] = http.Request.Headers["Git-Protocol"].ToString();
        start.Environment["PATH_INFO"] = http.Request.Path;
        start.Environment["QUERY_STRING"] = http.Request.QueryString.Value?.TrimStart('?');
        start.Environment["REQUEST_METHOD"] = http.Request.Method;
        start.Environment["CONTENT_TYPE"] = http.Request.ContentType;
        start.Environment["HTTP_CONTENT_ENCODING"] = http.Request.Headers.ContentEncoding.ToString();
        using var process = Process.Start(start)!;
        var sending = Task.Run(async () =>
        {
            await http.Request.Body.CopyToAsync(process.StandardInput.BaseStream);
            process.StandardInput.Close();
        });
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output);
        await sending;
        var bytes = output.ToArray();
        var end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
        foreach (var line in System.Text.Encoding.ASCII.GetString(bytes, 0, end).Split("\r\n"))
        {
            var (name, value) = (line[..line.IndexOf(':')], line[(line.IndexOf(':') + 1)..].Trim());
            if (name == "Status")
            {
                http.Response.StatusCode = int.Parse(value[..3], System.Globalization.CultureInfo.InvariantCulture);
            }
            else
            {
                http.Response.Headers[name] = value;
            }
        }

        await http.Response.Body.WriteAsync(bytes.AsMemory(end + 4));
    }
}
