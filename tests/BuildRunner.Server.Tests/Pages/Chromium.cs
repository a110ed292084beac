using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Pages;

/// <summary>A real browser without a window, driven by its own protocol. One for a class of tests; each test has a profile of its own.</summary>
public sealed partial class Chromium : IAsyncLifetime
{
    private readonly TestFolder folder = TestFolder.Create();
    private readonly ClientWebSocket socket = new();
    private readonly SemaphoreSlim sending = new(1, 1);
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonNode>> answers = [];
    private readonly CancellationTokenSource stop = new();
    private Process? process;
    private Task reading = Task.CompletedTask;
    private long last;

    /// <summary>Told of every event: session, method, parameters.</summary>
    internal event Action<string, string, JsonNode>? Happened;

    public async ValueTask InitializeAsync()
    {
        if (Requires.Find("chromium") is not { } program)
        {
            return;
        }

        var start = new ProcessStartInfo(
            program,
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
                "--remote-debugging-port=0", "--no-proxy-server", $"--user-data-dir={folder["profile"]}", "about:blank",
            ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["HOME"] = folder.Path;
        process = Process.Start(start)!;
        var address = await AddressAsync(process);
        _ = process.StandardError.ReadToEndAsync(stop.Token);
        await socket.ConnectAsync(address, stop.Token);
        reading = Task.Run(ReadAsync);
    }

    /// <summary>A tab in a profile of its own.</summary>
    internal async Task<Tab> OpenAsync()
    {
        Requires.That(process is not null, "the program chromium");
        var context = (string)(await CallAsync(null, "Target.createBrowserContext", []))["browserContextId"]!;
        var target = (string)(await CallAsync(null, "Target.createTarget", new() { ["url"] = "about:blank", ["browserContextId"] = context }))["targetId"]!;
        var session = (string)(await CallAsync(null, "Target.attachToTarget", new() { ["targetId"] = target, ["flatten"] = true }))["sessionId"]!;
        return await Tab.BeginAsync(this, session, target, context);
    }

    /// <summary>Calls the browser.</summary>
    internal async Task<JsonNode> CallAsync(string? session, string method, JsonObject parameters)
    {
        var id = Interlocked.Increment(ref last);
        var answer = answers[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
        if (session is not null)
        {
            message["sessionId"] = session;
        }

        await sending.WaitAsync(stop.Token);
        try
        {
            await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, endOfMessage: true, stop.Token);
        }
        finally
        {
            sending.Release();
        }

        return await answer.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        if (process is not null)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            process.Dispose();
        }

        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        socket.Dispose();
        folder.Dispose();
    }

    private static async Task<Uri> AddressAsync(Process process)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await process.StandardError.ReadLineAsync(patience.Token) is { } line)
        {
            if (Listening().Match(line) is { Success: true } match)
            {
                return new Uri(match.Value);
            }
        }

        throw new InvalidOperationException("chromium ended before it listened");
    }

    private async Task ReadAsync()
    {
        using var message = new MemoryStream();
        var buffer = new byte[256 * 1024];
        while (!stop.IsCancellationRequested)
        {
            var part = await socket.ReceiveAsync(buffer, stop.Token);
            message.Write(buffer, 0, part.Count);
            if (!part.EndOfMessage)
            {
                continue;
            }

            Take(JsonNode.Parse(message.ToArray())!);
            message.SetLength(0);
        }
    }

    private void Take(JsonNode node)
    {
        if (node["id"] is { } id)
        {
            if (answers.TryRemove((long)id, out var answer))
            {
                _ = node["error"] is { } error ? answer.TrySetException(new InvalidOperationException($"the browser refused: {error.ToJsonString()}")) : answer.TrySetResult(node["result"]!);
            }
        }
        else
        {
            Happened?.Invoke((string?)node["sessionId"] ?? "", (string)node["method"]!, node["params"]!);
        }
    }

    [GeneratedRegex(@"ws://127\.0\.0\.1:\S+")]
    private static partial Regex Listening();
}
