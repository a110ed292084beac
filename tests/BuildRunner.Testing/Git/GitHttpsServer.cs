using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Testing.Git;

/// <summary>Git's own server (http-backend) behind TLS and a password, on a port of the loopback interface.</summary>
public sealed class GitHttpsServer : IAsyncDisposable
{
    private readonly LoopbackServer server;
    private readonly X509Certificate2 certificate;
    private readonly string root;
    private readonly string? password;

    private GitHttpsServer(string root, string? password, TestCertificate pair)
    {
        this.root = root;
        this.password = password;
        using var made = X509Certificate2.CreateFromPem(pair.CertificatePem, pair.KeyPem);
        certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        server = LoopbackServer.Start(ServeAsync);
    }

    /// <summary>Method and path of every request that had the password.</summary>
    public ConcurrentQueue<string> Served { get; } = [];

    /// <summary>Objects that git-lfs asks for, by their SHA-256.</summary>
    public ConcurrentDictionary<string, byte[]> LargeFiles { get; } = [];

    /// <summary><c>https://127.0.0.1:PORT</c>; repositories lie below it as in the folder.</summary>
    public string Address => $"https://{server.Host}";

    /// <summary>Serves the bare repositories in a folder; the authority's certificate is written to a file.</summary>
    public static GitHttpsServer Start(string root, string? password, string authorityFile)
    {
        Requires.Program("git");
        Requires.Path("/usr/lib/git-core/git-http-backend");
        var pair = TestCertificate.Create();
        File.WriteAllText(authorityFile, pair.AuthorityPem);
        return new GitHttpsServer(root, password, pair);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        certificate.Dispose();
    }

    private async Task ServeAsync(Socket client, CancellationToken stopped)
    {
        await using var stream = new SslStream(new NetworkStream(client));
        await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, stopped);
        await AnswerAsync(stream);
    }

    private async Task AnswerAsync(SslStream stream)
    {
        var first = (await LineAsync(stream)).Split(' ');
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await LineAsync(stream) is { Length: > 0 } line)
        {
            headers[line[..line.IndexOf(':')]] = line[(line.IndexOf(':') + 1)..].Trim();
        }

        if (headers.ContainsKey("Expect"))
        {
            await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray());
        }

        var body = await BodyAsync(stream, headers);
        var wanted = password is null ? null : "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"x-access-token:{password}"));
        if (wanted is not null && headers.GetValueOrDefault("Authorization") != wanted)
        {
            await stream.WriteAsync("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
            return;
        }

        Served.Enqueue($"{first[0]} {first[1]}");
        await stream.WriteAsync(first[1].EndsWith("/info/lfs/objects/batch", StringComparison.Ordinal) ? Batch(body)
            : first[1].StartsWith("/large/", StringComparison.Ordinal) ? Answer("application/octet-stream", LargeFiles[first[1]["/large/".Length..]])
            : await BackendAsync(first[0], first[1], headers, body));
    }

    // The batch interface of git-lfs, for downloads.
    private byte[] Batch(byte[] body)
    {
        var wanted = JsonNode.Parse(body)!["objects"]!.AsArray().Select(o => (string)o!["oid"]!);
        var objects = new JsonArray([.. wanted.Select(oid => (JsonNode)new JsonObject
        {
            ["oid"] = oid,
            ["size"] = LargeFiles[oid].Length,
            ["authenticated"] = false,
            ["actions"] = new JsonObject { ["download"] = new JsonObject { ["href"] = $"{Address}/large/{oid}" } },
        })]);
        return Answer("application/vnd.git-lfs+json", Encoding.UTF8.GetBytes(new JsonObject { ["transfer"] = "basic", ["objects"] = objects }.ToJsonString()));
    }

    private static byte[] Answer(string type, byte[] content) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nContent-Length: {content.Length}\r\nConnection: close\r\n\r\n"), .. content];

    private async Task<byte[]> BackendAsync(string method, string target, Dictionary<string, string> headers, byte[] body)
    {
        var (path, query) = target.Split('?', 2) is [var p, var q] ? (p, q) : (target, "");
        var info = new ProcessStartInfo("/usr/lib/git-core/git-http-backend") { RedirectStandardInput = true, RedirectStandardOutput = true };
        info.Environment["GIT_PROJECT_ROOT"] = root;
        info.Environment["GIT_HTTP_EXPORT_ALL"] = "1";
        info.Environment["GIT_CONFIG_COUNT"] = "2";
        info.Environment["GIT_CONFIG_KEY_0"] = "safe.directory";
        info.Environment["GIT_CONFIG_VALUE_0"] = "*";
        info.Environment["GIT_CONFIG_KEY_1"] = "uploadpack.allowAnySHA1InWant";
        info.Environment["GIT_CONFIG_VALUE_1"] = "true";
        info.Environment["REQUEST_METHOD"] = method;
        info.Environment["PATH_INFO"] = path;
        info.Environment["QUERY_STRING"] = query;
        info.Environment["CONTENT_LENGTH"] = body.Length.ToString(CultureInfo.InvariantCulture);
        info.Environment["CONTENT_TYPE"] = headers.GetValueOrDefault("Content-Type") ?? "";
        info.Environment["GIT_PROTOCOL"] = headers.GetValueOrDefault("Git-Protocol") ?? "";
        info.Environment["HTTP_CONTENT_ENCODING"] = headers.GetValueOrDefault("Content-Encoding") ?? "";
        using var process = Process.Start(info)!;
        var reading = Task.Run(async () =>
        {
            using var all = new MemoryStream();
            await process.StandardOutput.BaseStream.CopyToAsync(all);
            return all.ToArray();
        });
        await process.StandardInput.BaseStream.WriteAsync(body);
        process.StandardInput.Close();
        var output = await reading;
        await process.WaitForExitAsync();
        var end = output.AsSpan().IndexOf("\r\n\r\n"u8);
        var head = Encoding.ASCII.GetString(output, 0, end);
        var status = head.Split("\r\n").FirstOrDefault(l => l.StartsWith("Status:", StringComparison.Ordinal))?["Status:".Length..].Trim() ?? "200 OK";
        return [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {output.Length - end - 4}\r\nConnection: close\r\n\r\n"), .. output[(end + 4)..]];
    }

    private static async Task<byte[]> BodyAsync(Stream stream, Dictionary<string, string> headers)
    {
        using var body = new MemoryStream();
        if (headers.GetValueOrDefault("Transfer-Encoding") == "chunked")
        {
            while (int.Parse(await LineAsync(stream), NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var size)
            {
                var chunk = new byte[size];
                await stream.ReadExactlyAsync(chunk);
                body.Write(chunk);
                await LineAsync(stream);
            }

            await LineAsync(stream);
        }
        else if (int.TryParse(headers.GetValueOrDefault("Content-Length"), CultureInfo.InvariantCulture, out var length))
        {
            var all = new byte[length];
            await stream.ReadExactlyAsync(all);
            body.Write(all);
        }

        return body.ToArray();
    }

    private static async Task<string> LineAsync(Stream stream)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await stream.ReadAsync(one) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString().TrimEnd('\r');
    }
}
