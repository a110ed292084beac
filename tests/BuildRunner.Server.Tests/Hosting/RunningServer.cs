using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Cli;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>The verb <c>server</c> in this process, as a person would type it: settings, log and signals included.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    // Reached only when something is broken, however much the machine has to do.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly TestFolder? folder;
    private readonly Sink error = new();
    private readonly StopSignals signals = StopSignals.Scripted(_ => { });
    private readonly Task<int> exit;

    private RunningServer(TestFolder? folder, string path, IReadOnlyDictionary<string, string>? environment, string[] arguments)
    {
        this.folder = folder;
        Folder = path;
        exit = Task.Run(() => CommandLine.RunAsync(arguments, Host(path, error, new MemoryStream(), signals, environment)));
    }

    /// <summary>What belongs to it.</summary>
    public string Folder { get; }

    /// <summary>What it has said so far.</summary>
    public string Log => error.Text;

    public HttpClient Http { get; private set; } = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts one and waits until it listens.</summary>
    /// <param name="in">The folder of another one; null: a new one.</param>
    /// <param name="environment">More settings.</param>
    /// <param name="verb">What to start.</param>
    /// <param name="data">The name of its data directory in the folder.</param>
    public static async Task<RunningServer> StartAsync(string? @in = null, IReadOnlyDictionary<string, string>? environment = null, string verb = "server", string data = "data")
    {
        var folder = @in is null ? TestFolder.Create() : null;
        var path = @in ?? folder!.Path;
        var server = new RunningServer(folder, path, environment, [verb, "--data-dir", Path.Combine(path, data), "--listen", "http://127.0.0.1:0"]);
        var address = await server.SeesAsync("listens on \\W*(http://[0-9.:]+)");
        server.Http.Dispose();
        server.Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(address) };
        return server;
    }

    /// <summary>Starts one, and does not wait for it.</summary>
    public static RunningServer Begin(IReadOnlyDictionary<string, string> environment)
    {
        var folder = TestFolder.Create();
        return new RunningServer(folder, folder.Path, environment, ["server", "--data-dir", folder["data"], "--listen", "http://127.0.0.1:0"]);
    }

    /// <summary>Runs one verb to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string folder, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        var (output, error) = (new MemoryStream(), new Sink());
        var code = await CommandLine.RunAsync(arguments, Host(folder, error, output, StopSignals.Scripted(_ => { }), environment));
        return (code, Encoding.UTF8.GetString(output.ToArray()), error.Text);
    }

    /// <summary>A client with a token.</summary>
    public HttpClient With(string token)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = Http.BaseAddress };
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    /// <summary>Waits until the log has a match; returns its first group.</summary>
    public async Task<string> SeesAsync(string pattern, TimeSpan? limit = null)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(limit ?? Limit);
        while (true)
        {
            var more = error.NextAsync();
            if (Regex.Match(Log, pattern) is { Success: true } match)
            {
                return match.Groups[1].Value;
            }

            Assert.False(exit.IsCompleted, $"the server has ended:\n{Log}");
            await Task.WhenAny(more, exit, Task.Delay(Timeout.Infinite, patience.Token));
            Assert.False(patience.IsCancellationRequested, $"'{pattern}' was not said:\n{Log}");
        }
    }

    /// <summary>A signal asks it to end.</summary>
    public async Task<int> StopAsync(ExitCode signal = ExitCode.Terminated)
    {
        if (!exit.IsCompleted)
        {
            signals.Deliver(signal);
        }

        return await exit.WaitAsync(Limit, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        try
        {
            await StopAsync();
        }
        finally
        {
            folder?.Dispose();
        }
    }

    private static CliHost Host(string folder, Stream error, Stream output, StopSignals signals, IReadOnlyDictionary<string, string>? more)
    {
        var environment = new Dictionary<string, string>(more ?? new Dictionary<string, string>()) { ["PATH"] = Environment.GetEnvironmentVariable("PATH")! };
        environment.TryAdd("BUILDRUNNER_SECRETS__MASTERKEYFILE", Path.Combine(folder, "etc", "master.key"));
        environment.TryAdd("BUILDRUNNER_SERVER__SHUTDOWNGRACE", "10s");
        return new CliHost
        {
            Output = output,
            Error = error,
            Input = Stream.Null,
            Terminal = TerminalFacts.None,
            Environment = environment,
            Directory = folder,
            Time = TimeProvider.System,
            Signals = signals,
            NewEngine = Engines.Create,
        };
    }

    /// <summary>Collects what is written, and tells who waits for it.</summary>
    private sealed class Sink : MemoryStream
    {
        private readonly Lock gate = new();
        private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Text
        {
            get
            {
                lock (gate)
                {
                    return Encoding.UTF8.GetString(ToArray());
                }
            }
        }

        public Task NextAsync()
        {
            lock (gate)
            {
                return next.Task;
            }
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (gate)
            {
                base.Write(buffer);
                next.TrySetResult();
                next = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }
}
