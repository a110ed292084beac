using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Testing;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>The release as a service in a folder of its own: <c>up</c>, or a server and an agent that know each other by address and token alone.</summary>
internal sealed class Service : IAsyncDisposable
{
    private readonly TestFolder folder;
    private readonly Dictionary<string, string?> environment;
    private readonly List<Running> processes = [];
    private string serverProgram = Release.Executable;

    private Service(TestFolder folder, (string Key, string Value)[] settings)
    {
        this.folder = folder;
        environment = new Dictionary<string, string?>
        {
            ["BUILDRUNNER_SECRETS__MASTERKEYFILE"] = folder["etc/master.key"],
            ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
            ["BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS"] = "/",
            ["BUILDRUNNER_ENGINE__STATEDIR"] = folder["run"],
            ["BUILDRUNNER_ENGINE__SCRATCHDIR"] = folder["scratch"],
            ["BUILDRUNNER_IMAGES__DIR"] = folder["images"],
            ["BUILDRUNNER_AGENT__MINFREEDISK"] = "0",
            ["DOCKER_CONFIG"] = folder.Path,
            ["XDG_RUNTIME_DIR"] = folder.Path,
            ["XDG_CONFIG_HOME"] = folder.Path,
        };
        foreach (var (key, value) in settings)
        {
            environment[key.Contains(':', StringComparison.Ordinal) ? "BUILDRUNNER_" + key.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant() : key] = value;
        }
    }

    /// <summary>The API, with the rights of an administrator.</summary>
    public HttpClient Http { get; private set; } = new();

    /// <summary>The server, or both of them.</summary>
    public Running Server => processes[0];

    /// <summary>The agent of its own.</summary>
    public Running Agent => processes[1];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary><c>buildrunner up</c>.</summary>
    public static async Task<Service> UpAsync(TestFolder folder, params (string Key, string Value)[] settings)
    {
        var service = new Service(folder, settings);
        await service.ServeAsync("up");
        return service;
    }

    /// <summary><c>buildrunner server</c> and <c>buildrunner agent</c>.</summary>
    public static Task<Service> ApartAsync(TestFolder folder, params (string Key, string Value)[] settings) => ApartAsync(folder, Release.Executable, settings);

    /// <summary><c>buildrunner server</c>, whose agents are somebody else's affair.</summary>
    public static async Task<Service> AloneAsync(TestFolder folder, params (string Key, string Value)[] settings)
    {
        var service = new Service(folder, settings);
        await service.ServeAsync("server");
        return service;
    }

    /// <summary>As <see cref="ApartAsync(TestFolder, ValueTuple{string, string}[])"/>, with another program as the server.</summary>
    public static async Task<Service> ApartAsync(TestFolder folder, string server, params (string Key, string Value)[] settings)
    {
        var service = new Service(folder, settings) { serverProgram = server };
        await service.ServeAsync("server");
        await service.StartAgentAsync();
        return service;
    }

    /// <summary>Adds a repository.</summary>
    public Task AddAsync(string name, string url, string? credential = null, string? user = null) =>
        SendAsync(HttpMethod.Post, "/api/v1/repos", new JsonObject { ["name"] = name, ["cloneUrl"] = url, ["credential"] = credential, ["user"] = user });

    /// <summary>Starts a run and waits for its end.</summary>
    public async Task<Ran> RunAsync(string repository, JsonObject? wanted = null)
    {
        var number = (int)(await SendAsync(HttpMethod.Post, $"/api/v1/repos/{repository}/runs", wanted ?? []))!["number"]!;
        return await EndAsync(repository, number);
    }

    /// <summary>Waits for a run's end.</summary>
    public async Task<Ran> EndAsync(string repository, int number)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(3));
        JsonNode? last = null;
        try
        {
            using var reader = new StreamReader(await Http.GetStreamAsync($"/api/v1/repos/{repository}/runs/{number}/events", patience.Token));
            while (await reader.ReadLineAsync(patience.Token) is { } line)
            {
                if (line.StartsWith("data: {\"run\"", StringComparison.Ordinal))
                {
                    last = JsonNode.Parse(line["data: ".Length..]);
                }
            }
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            Assert.Fail($"run {number} did not end: {last}\n{Said}");
        }

        return new Ran(this, repository, number, last!);
    }

    /// <summary>What the processes wrote.</summary>
    public string Said => string.Join("\n---\n", processes.Select(p => p.Said));

    /// <summary>Calls the API; anything but success fails the test.</summary>
    public async Task<JsonNode?> SendAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        using var answer = await Http.SendAsync(request, Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {answer.StatusCode} {text}\n{Said}");
        return text.Length == 0 ? null : JsonNode.Parse(text);
    }

    /// <summary>With what a new agent registers itself.</summary>
    public async Task<string> NewAgentTokenAsync() => (string)(await SendAsync(HttpMethod.Post, "/api/v1/agents/tokens", new JsonObject()))!["token"]!;

    /// <summary>Starts the agent of its own.</summary>
    public async Task StartAgentAsync(params (string Key, string Value)[] settings)
    {
        await File.WriteAllTextAsync(folder["token"], await NewAgentTokenAsync(), Cancel);
        var own = new Dictionary<string, string?>(environment)
        {
            ["BUILDRUNNER_AGENT__SERVER"] = Http.BaseAddress!.ToString(),
            ["BUILDRUNNER_AGENT__NAME"] = $"agent-{processes.Count}",
            ["BUILDRUNNER_AGENT__WORKDIR"] = folder["work"],
            ["BUILDRUNNER_AGENT__LOCALREPOSITORIES"] = folder["repos"],
        };
        foreach (var (key, value) in settings)
        {
            own["BUILDRUNNER_" + key.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant()] = value;
        }

        processes.Add(Release.Start(folder.Path, own, "agent", "--token-file", folder["token"]));
    }

    /// <summary>Kills the server where it is, and starts it again in the same folder; its address is another one then.</summary>
    /// <param name="between">Done while there is no server.</param>
    public async Task KillAndServeAgainAsync(Action? between = null)
    {
        var killed = Server;
        _ = Release.Kill(killed.Id, 9);
        await killed.GoneAsync(TimeSpan.FromSeconds(30));
        await killed.DisposeAsync();
        processes.RemoveAt(0);
        between?.Invoke();
        await ServeAsync("server");
        processes.Insert(0, processes[^1]);
        processes.RemoveAt(processes.Count - 1);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        foreach (var process in processes.AsEnumerable().Reverse())
        {
            // TERM, so that nothing of the containers is left behind.
            _ = Release.Kill(process.Id, 15);
            await process.GoneAsync(TimeSpan.FromSeconds(30));
            await process.DisposeAsync();
        }
    }

    private async Task ServeAsync(string verb)
    {
        Requires.Root();
        Requires.Program("runc", "nft", "git");

        // What containers see lies below it, and they have ids of their own.
        File.SetUnixFileMode(folder.Path, File.GetUnixFileMode(folder.Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        Directory.CreateDirectory(folder["repos"]);
        var server = Release.StartProgram(serverProgram, folder.Path, environment, verb, "--data-dir", folder["data"], "--listen", "http://127.0.0.1:0");
        processes.Add(server);
        var address = await server.FindAsync("listens on \\W*(http://[0-9.:]+)");
        await using var making = Release.StartProgram(serverProgram, folder.Path, environment, "server", "token", "--data-dir", folder["data"]);
        var made = await making.EndAsync(TimeSpan.FromMinutes(1));
        Assert.True(made.Code == 0, made.All);
        Http.Dispose();
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(address), Timeout = TimeSpan.FromMinutes(5) };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", made.Output.Trim());
    }
}

/// <summary>A run that has ended.</summary>
internal sealed record Ran(Service Service, string Repository, int Number, JsonNode Details)
{
    /// <summary>How it ended.</summary>
    public string State => (string)Details["run"]!["state"]!;

    /// <summary>All that is told about it.</summary>
    public string Told => Details.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>What a step wrote.</summary>
    public Task<string> LogAsync(string step) => Service.Http.GetStringAsync($"/api/v1/repos/{Repository}/runs/{Number}/log?step={step}", TestContext.Current.CancellationToken);

    /// <summary>Fails, with everything that is known, unless it ended as wanted.</summary>
    public async Task<Ran> EndedAsAsync(string state, params string[] logs)
    {
        if (State != state)
        {
            var texts = new StringBuilder();
            foreach (var step in logs)
            {
                using var answer = await Service.Http.GetAsync($"/api/v1/repos/{Repository}/runs/{Number}/log?step={step}");
                texts.Append($"{step}: {await answer.Content.ReadAsStringAsync()}\n");
            }

            Assert.Fail($"the run ended as {State}, not as {state}: {Told}\n{texts}\n{Service.Said}");
        }

        return this;
    }
}
