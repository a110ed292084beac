using System.Diagnostics;

namespace BuildRunner.Testing.Docker;

/// <summary>A network beside that of a session: what is there is the world to the session, and what is in the session's own network is its host.</summary>
public sealed class NeighbourNetwork : IAsyncDisposable
{
    /// <summary>The session's address. Of a network for documentation, which is not private.</summary>
    public const string Here = "198.51.100.1";

    /// <summary>The neighbour's address.</summary>
    public const string There = "198.51.100.2";

    private readonly EngineProcess _neighbour;
    private readonly int _session;

    private NeighbourNetwork(int session, EngineProcess neighbour)
    {
        _session = session;
        _neighbour = neighbour;
    }

    /// <summary>Makes it, and connects it with the network of a process.</summary>
    public static async Task<NeighbourNetwork> JoinAsync(int session)
    {
        Requires.Program("ip", "busybox", "nsenter");
        var neighbour = EngineProcess.Start("unshare", ["--net", "sleep", "100000"], politely: false);
        var made = new NeighbourNetwork(session, neighbour);
        var (waiting, limit) = (Stopwatch.StartNew(), TimeSpan.FromSeconds(30));
        while (Network(neighbour.Id) == Network(Environment.ProcessId) && waiting.Elapsed < limit)
        {
            await Task.Delay(10);
        }

        In(session, "ip", "link", "add", "outside", "type", "veth", "peer", "name", "outside", "netns", $"{neighbour.Id}");
        foreach (var (process, address) in new[] { (session, Here), (neighbour.Id, There) })
        {
            In(process, "ip", "address", "add", $"{address}/24", "dev", "outside");
            In(process, "ip", "link", "set", "outside", "up");
            In(process, "ip", "link", "set", "lo", "up");
        }

        return made;
    }

    /// <summary>A server of the session's host, on port 8080 of all its addresses.</summary>
    public Task<IAsyncDisposable> ServeHereAsync(string page) => ServeAsync(_session, Here, page);

    /// <summary>A server of the neighbour's.</summary>
    public Task<IAsyncDisposable> ServeThereAsync(string page) => ServeAsync(_neighbour.Id, There, page);

    public ValueTask DisposeAsync() => _neighbour.DisposeAsync();

    private static async Task<IAsyncDisposable> ServeAsync(int process, string address, string page)
    {
        var server = new Server(TestFolder.Create());
        await File.WriteAllTextAsync(server.Folder["index.html"], page + "\n");
        server.Process = EngineProcess.Start("nsenter", [$"--net=/proc/{process}/ns/net", "busybox", "httpd", "-f", "-p", "8080", "-h", server.Folder.Path], politely: false);
        var (waiting, limit) = (Stopwatch.StartNew(), TimeSpan.FromSeconds(30));
        while (Run(process, "busybox", "wget", "-q", "-O", "/dev/null", $"http://{address}:8080/") != 0)
        {
            if (server.Process.HasEnded || waiting.Elapsed > limit)
            {
                throw new InvalidOperationException($"the server at {address} does not answer: {server.Process.Said}");
            }

            await Task.Delay(50);
        }

        return server;
    }

    private static string? Network(int process) => File.ResolveLinkTarget($"/proc/{process}/ns/net", false)?.Name;

    private static void In(int process, params string[] command)
    {
        if (Run(process, command) is var code and not 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} ended with {code}");
        }
    }

    private static int Run(int process, params string[] command)
    {
        using var running = Process.Start("nsenter", [$"--net=/proc/{process}/ns/net", .. command]);
        running.WaitForExit();
        return running.ExitCode;
    }

    private sealed class Server(TestFolder folder) : IAsyncDisposable
    {
        public TestFolder Folder { get; } = folder;

        public EngineProcess Process { get; set; } = null!;

        public async ValueTask DisposeAsync()
        {
            await Process.DisposeAsync();
            Folder.Dispose();
        }
    }
}
