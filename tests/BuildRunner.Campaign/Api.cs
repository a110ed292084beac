using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace BuildRunner.Campaign;

/// <summary>Speaks to the servers' API, to whichever of them answers.</summary>
public sealed class Api(IReadOnlyList<string> addresses) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4), OneTry = TimeSpan.FromSeconds(30), Pause = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = OneTry };

    /// <summary>An administrator's token.</summary>
    public string Token { set => http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", value); }

    public void Dispose() => http.Dispose();

    /// <summary>Waits until every server is ready.</summary>
    public async Task ReadyAsync()
    {
        foreach (var address in addresses)
        {
            await PatientlyAsync(_ => http.GetAsync(address + "readyz"), address);
        }
    }

    /// <summary>Waits until every server is ready and misses nothing, not even what it can do without.</summary>
    public async Task WholeAsync()
    {
        var began = TimeProvider.System.GetTimestamp();
        foreach (var address in addresses)
        {
            string said;
            while ((said = await http.GetStringAsync(address + "readyz")).Trim().Contains('\n', StringComparison.Ordinal))
            {
                if (TimeProvider.System.GetElapsedTime(began) > Patience)
                {
                    throw new TimeoutException($"{address} still says: {said}");
                }

                await Task.Delay(Pause);
            }
        }
    }

    /// <summary>Asks until there is an answer: servers may be away.</summary>
    public async Task<JsonDocument> GetAsync(string path)
    {
        using var answer = await PatientlyAsync(address => http.GetAsync($"{address}api/v1/{path}"), path);
        return JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
    }

    /// <summary>A text of the API.</summary>
    public async Task<string> TextAsync(string path)
    {
        using var answer = await PatientlyAsync(address => http.GetAsync($"{address}api/v1/{path}"), path);
        return await answer.Content.ReadAsStringAsync();
    }

    /// <summary>Sends something once a server answers. A server that dies in between may have taken it: only for what may be said twice.</summary>
    public async Task<JsonDocument> SendAsync(HttpMethod method, string path, object body)
    {
        using var answer = await PatientlyAsync(
            async address =>
            {
                using var request = new HttpRequestMessage(method, $"{address}api/v1/{path}") { Content = JsonContent.Create(body) };
                return await http.SendAsync(request);
            },
            path);
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        return JsonDocument.Parse(bytes.Length == 0 ? "{}"u8.ToArray() : bytes);
    }

    /// <summary>Waits until an answer is as it should be.</summary>
    public async Task<JsonDocument> WaitAsync(string path, Func<JsonElement, bool> wanted, TimeSpan limit)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var answer = await GetAsync(path);
            if (wanted(answer.RootElement))
            {
                return answer;
            }

            if (TimeProvider.System.GetElapsedTime(began) > limit)
            {
                throw new TimeoutException($"{path} did not become what was waited for within {limit.TotalSeconds:0} s: {answer.RootElement}");
            }

            answer.Dispose();
            await Task.Delay(Pause);
        }
    }

    private async Task<HttpResponseMessage> PatientlyAsync(Func<string, Task<HttpResponseMessage>> ask, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var tries = 0; ; tries++)
        {
            string problem;
            try
            {
                var answer = await ask(addresses[tries % addresses.Count]);
                if (answer.IsSuccessStatusCode)
                {
                    return answer;
                }

                problem = $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}";
                answer.Dispose();
                if ((int)answer.StatusCode < 500)
                {
                    throw new InvalidOperationException($"{what}: {problem}");
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
            {
                problem = e.Message;
            }

            if (TimeProvider.System.GetElapsedTime(began) > Patience)
            {
                throw new TimeoutException($"no server answered {what} within {Patience.TotalSeconds:0} s: {problem}");
            }

            await Task.Delay(Pause);
        }
    }
}
