using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BuildRunner.Testing;
using BuildRunner.Testing.Services;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>The built release as a server process of its own, with a data folder of its own, and a client that may do everything.</summary>
internal sealed class ReleasedServer : IAsyncDisposable
{
    private readonly Dictionary<string, string> _settings;
    private readonly string _executable;
    private Process? _process;

    private ReleasedServer(string executable, TestFolder folder, Uri address, Dictionary<string, string> settings)
    {
        _executable = executable;
        Folder = folder;
        _settings = settings;
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(5) };
    }

    /// <summary>The release that is measured.</summary>
    public static string Executable => Environment.GetEnvironmentVariable("BUILDRUNNER_APP") ?? Path.Combine(Programs.Root, "artifacts", "app", "buildrunner");

    /// <summary>Another release to measure in turns with it; null: none.</summary>
    public static string? Before => Environment.GetEnvironmentVariable("BUILDRUNNER_BENCHMARK_BEFORE") is { Length: > 0 } before ? before : null;

    /// <summary>How loaded the machine is.</summary>
    public static string Load => $"load {File.ReadAllText("/proc/loadavg").Split(' ')[0]} on {Environment.ProcessorCount} processors";

    /// <summary>Its files.</summary>
    public TestFolder Folder { get; }

    public HttpClient Http { get; }

    /// <summary>MiB in memory at this moment.</summary>
    public double Memory => StatusOf("VmRSS:");

    /// <summary>The most that it ever had.</summary>
    public double PeakMemory => StatusOf("VmHWM:");

    /// <summary>Seconds of processor time that it has had.</summary>
    public double Processor => _process!.TotalProcessorTime.TotalSeconds;

    /// <summary>Starts a server and waits until it is ready.</summary>
    /// <param name="backend">Where it stores.</param>
    /// <param name="agent">True: with an agent in its process (<c>up</c>).</param>
    /// <param name="executable">The release; null: <see cref="Executable"/>.</param>
    /// <param name="runtime">What makes containers (<c>Engine:Runtime</c>); null: as by default, or as the environment says.</param>
    public static async Task<ReleasedServer> StartAsync(Backend backend, bool agent = false, string? executable = null, string? runtime = null)
    {
        var folder = TestFolder.Create();

        // What containers see lies below it, and they have ids of their own.
        File.SetUnixFileMode(folder.Path, File.GetUnixFileMode(folder.Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        var port = OwnedProcess.FreePort();
        var settings = new Dictionary<string, string>(await backend.SettingsAsync())
        {
            ["BUILDRUNNER_SECRETS__MASTERKEYFILE"] = folder["etc/master.key"],
            ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
            ["BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS"] = folder["image"],
            ["BUILDRUNNER_ENGINE__STATEDIR"] = folder["run"],
            ["BUILDRUNNER_IMAGES__DIR"] = folder["images"],
            ["BUILDRUNNER_AGENT__MINFREEDISK"] = "0",
            ["BUILDRUNNER_SERVER__DATADIR"] = folder["data"],
            ["BUILDRUNNER_SERVER__LISTEN"] = $"http://127.0.0.1:{port}",
            ["BUILDRUNNER_SERVER__EMBEDDEDAGENT"] = agent ? "true" : "false",
        };
        if (runtime is not null)
        {
            settings["BUILDRUNNER_ENGINE__RUNTIME"] = runtime;
        }

        var server = new ReleasedServer(executable ?? Executable, folder, new Uri($"http://127.0.0.1:{port}"), settings);
        await server.StartAsync();
        using var made = server.Start("server", "token");
        var token = (await made.StandardOutput.ReadToEndAsync()).Trim();
        await made.WaitForExitAsync();
        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return server;
    }

    /// <summary>Starts the process, on what is there.</summary>
    /// <returns>How long it took until it said that it is ready.</returns>
    public async Task<TimeSpan> StartAsync()
    {
        var began = Stopwatch.GetTimestamp();
        _process = Start("server");
        while (true)
        {
            try
            {
                using var answer = await Http.GetAsync("/readyz");
                if (answer.IsSuccessStatusCode)
                {
                    var elapsed = Stopwatch.GetElapsedTime(began);
                    _ = _process.StandardError.BaseStream.CopyToAsync(Stream.Null);
                    return elapsed;
                }
            }
            catch (HttpRequestException) when (!_process.HasExited)
            {
                // It does not listen yet.
            }

            if (_process.HasExited)
            {
                throw new InvalidOperationException($"the server ended: {await _process.StandardError.ReadToEndAsync()}");
            }

            await Task.Delay(5);
        }
    }

    /// <summary>Ends the process in good order.</summary>
    public async Task StopAsync()
    {
        if (_process is { } running)
        {
            await Programs.RunAsync("kill", "-TERM", running.Id.ToString(CultureInfo.InvariantCulture));
            await running.WaitForExitAsync();
            running.Dispose();
            _process = null;
        }
    }

    /// <summary>Makes a git repository with one pipeline, and adds it.</summary>
    public async Task AddRepositoryAsync(string name, string pipeline)
    {
        var path = Folder[$"repos/{name}"];
        Directory.CreateDirectory(path);
        await File.WriteAllTextAsync(Path.Combine(path, ".buildrunner.yml"), pipeline);
        await Programs.RunAsync("git", "-C", path, "init", "-q", "-b", "main");
        await Programs.RunAsync("git", "-C", path, "add", "-A");
        await Programs.RunAsync("git", "-C", path, "-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "-q", "-m", "one");
        await PostAsync("/api/v1/repos", $$"""{"name":"{{name}}","cloneUrl":"{{path}}"}""");
    }

    /// <summary>Starts a run.</summary>
    public async Task<int> RunAsync(string repository) => (await PostAsync($"/api/v1/repos/{repository}/runs", "{}")).GetProperty("number").GetInt32();

    /// <summary>Calls the API, and fails if it does not do what it was asked.</summary>
    public async Task<JsonElement> PostAsync(string path, string body, string method = "POST")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        using var answer = await Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? JsonDocument.Parse(text).RootElement : throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {text}");
    }

    /// <summary>Waits until a run has ended, and returns it.</summary>
    public async Task<JsonElement> EndAsync(string repository, int number)
    {
        while (true)
        {
            var run = JsonDocument.Parse(await Http.GetStringAsync($"/api/v1/repos/{repository}/runs/{number}")).RootElement;
            switch (run.GetProperty("run").GetProperty("state").GetString())
            {
                case "success":
                    return run;
                case "queued" or "running" or "blocked":
                    await Task.Delay(20);
                    break;
                default:
                    throw new InvalidOperationException($"the run did not succeed: {run}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Http.Dispose();
        Folder.Dispose();
    }

    private double StatusOf(string name) => double.Parse(
        File.ReadLines($"/proc/{_process!.Id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) / 1024;

    private Process Start(params string[] arguments)
    {
        var info = new ProcessStartInfo(_executable, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folder.Path };
        foreach (var (name, value) in _settings)
        {
            info.Environment[name] = value;
        }

        return Process.Start(info) ?? throw new InvalidOperationException($"{_executable} did not start");
    }
}
