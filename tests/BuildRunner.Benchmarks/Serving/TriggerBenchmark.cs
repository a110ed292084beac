using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>1,000 triggers in 10 seconds, by the API and by a signed endpoint (issue 5: all accepted, p99 under 1 s). Each is sent at its own time, however long the others take, and its time counts from there.</summary>
internal static class TriggerBenchmark
{
    private const int Count = 1_000;
    private const string Pipeline = "skip_clone: true\nsteps:\n  - name: work\n    image: busybox\n    commands: [ 'true' ]\n";
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(10);

    public static async Task<bool> RunAsync(int rounds)
    {
        var met = true;
        foreach (var name in Backend.Names)
        {
            await using var backend = await Backend.StartAsync(name);
            await using var server = await ReleasedServer.StartAsync(backend);
            await server.AddRepositoryAsync("acme/api", Pipeline);
            await server.AddRepositoryAsync("acme/hook", Pipeline);
            var secret = await HookAsync(server);
            await server.RunAsync("acme/api");
            Console.WriteLine($"{backend.Title}; {ReleasedServer.Load}");
            met &= await SendAsync(server, "API call", "acme/api", 1, _ => new HttpRequestMessage(HttpMethod.Post, "/api/v1/repos/acme/api/runs") { Content = Body("{}") });
            met &= await SendAsync(server, "signed webhook", "acme/hook", 0, number => Signed(number, secret));
        }

        return met;
    }

    private static async Task<bool> SendAsync(ReleasedServer server, string what, string repository, int before, Func<int, HttpRequestMessage> request)
    {
        var (latencies, refused) = (new Latencies(what), 0);
        var began = Stopwatch.GetTimestamp();
        var sent = new List<Task>();
        for (var number = 0; number < Count; number++)
        {
            var due = number * Every;
            if (due - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } rest)
            {
                await Task.Delay(rest);
            }

            sent.Add(OneAsync(request(number), due));
        }

        async Task OneAsync(HttpRequestMessage message, TimeSpan due)
        {
            using var answer = await server.Http.SendAsync(message);
            latencies.Add((Stopwatch.GetElapsedTime(began) - due).TotalMilliseconds);
            _ = answer.IsSuccessStatusCode ? 0 : Interlocked.Increment(ref refused);
        }

        await Task.WhenAll(sent);
        var met = latencies.AtMost(0.99, 1_000) & Bar.Met("refused", refused, 0, "triggers");
        return met & await AllThereAsync(server, repository, before + Count);
    }

    // What was accepted is carried out: each is one run.
    private static async Task<bool> AllThereAsync(ReleasedServer server, string repository, int wanted)
    {
        var began = Stopwatch.GetTimestamp();
        var runs = 0;
        while (runs < wanted && Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(5))
        {
            using var answer = await server.Http.GetAsync($"/api/v1/repos/{repository}/runs/latest");
            runs = answer.StatusCode == HttpStatusCode.NotFound
                ? 0
                : JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("run").GetProperty("number").GetInt32();
            await Task.Delay(100);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {runs} runs are there {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s after the last answer; {ReleasedServer.Load}"));
        return runs == wanted;
    }

    private static async Task<byte[]> HookAsync(ReleasedServer server)
    {
        var made = await server.PostAsync("/api/v1/repos/acme/hook/hooks/bench", "{}", "PUT");
        return Convert.FromBase64String(made.GetProperty("secret").GetString()!["whsec_".Length..]);
    }

    // By the scheme of Standard Webhooks.
    private static HttpRequestMessage Signed(int number, byte[] secret)
    {
        const string Content = """{"release":{"tag":"v1"}}""";
        var (id, at) = ($"bench-{number}", TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        var signature = HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"{id}.{at}.{Content}"));
        return new HttpRequestMessage(HttpMethod.Post, "/hooks/in/bench")
        {
            Content = Body(Content),
            Headers = { { "webhook-id", id }, { "webhook-timestamp", at }, { "webhook-signature", $"v1,{Convert.ToBase64String(signature)}" } },
        };
    }

    private static StringContent Body(string text) => new(text, Encoding.UTF8, "application/json");
}
