using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;

namespace BuildRunner.Cli.Client;

/// <summary>Server-sent events of one path, read until somebody stops, over broken connections: after each the next begins behind the last event.</summary>
internal sealed class EventStream(ApiClient api, string path)
{
    /// <summary>How long nothing may come; the server says something every 15 s.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    private const int MostTries = 6;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The events. The server that ends the stream without being asked to is asked again.</summary>
    /// <exception cref="CliException">It is refused, or the connection stayed broken.</exception>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync([EnumeratorCancellation] CancellationToken stop)
    {
        string? last = null;
        for (var tries = 0; ; tries++)
        {
            var came = false;
            await foreach (var item in OnceAsync(last, tries, stop))
            {
                came = true;
                last = item.EventId ?? last;
                yield return item;
            }

            tries = came ? 0 : tries;
            if (tries >= MostTries)
            {
                throw Broken("it ends without a word");
            }

            await Task.Delay(FirstPause * Math.Pow(2, tries), stop);
        }
    }

    /// <summary>The stream broke for good.</summary>
    public static CliException Broken(string why) => new(ExitCode.Unreachable, $"the connection to the server broke: {why}; the run may still be going");

    // Ends quietly when the connection breaks, unless it was the last try.
    private async IAsyncEnumerable<SseItem<string>> OnceAsync(string? last, int tries, [EnumeratorCancellation] CancellationToken stop)
    {
        var response = await OpenAsync(last, tries, stop);
        if (response is null)
        {
            yield break;
        }

        using (response)
        {
            await using var body = new PatientStream(await response.Content.ReadAsStreamAsync(stop), Patience);
            await using var items = SseParser.Create(body, (_, data) => Encoding.UTF8.GetString(data)).EnumerateAsync(stop).GetAsyncEnumerator(stop);
            while (await NextAsync(items, tries))
            {
                yield return items.Current;
            }
        }
    }

    private async Task<HttpResponseMessage?> OpenAsync(string? last, int tries, CancellationToken stop)
    {
        try
        {
            return await api.OpenAsync(path, stop, last);
        }
        catch (CliException e) when (e.Code == ExitCode.Unreachable && tries < MostTries)
        {
            // It may be starting again.
            return null;
        }
    }

    private static async Task<bool> NextAsync(IAsyncEnumerator<SseItem<string>> items, int tries)
    {
        try
        {
            return await items.MoveNextAsync();
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return tries < MostTries ? false : throw Broken(e.Message);
        }
    }
}
