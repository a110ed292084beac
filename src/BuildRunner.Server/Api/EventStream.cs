using System.Text;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Server.Api;

/// <summary>Server-sent events to one caller. Slow callers slow nobody but themselves; a comment every 15 seconds keeps proxies from hanging up.</summary>
internal sealed class EventStream(HttpResponse response, TimeProvider time)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(15);
    private readonly StringBuilder pending = new();
    private long spoke = time.GetTimestamp();

    /// <summary>Sends the head.</summary>
    public void Begin()
    {
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";

        // nginx would otherwise gather events until there are many.
        response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Adds an event; <see cref="FlushAsync"/> sends it.</summary>
    /// <param name="name">The event.</param>
    /// <param name="data">One line.</param>
    /// <param name="id">What <c>Last-Event-ID</c> will be; null: none.</param>
    public void Add(string name, string data, string? id)
    {
        if (id is not null)
        {
            pending.Append("id: ").Append(id).Append('\n');
        }

        pending.Append("event: ").Append(name).Append("\ndata: ").Append(data).Append("\n\n");
    }

    /// <summary>Characters that wait to be sent.</summary>
    public int Pending => pending.Length;

    /// <summary>Sends what was added.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (pending.Length == 0)
        {
            return;
        }

        await response.Body.WriteAsync(Encoding.UTF8.GetBytes(pending.ToString()), cancellationToken);
        pending.Clear();
        spoke = time.GetTimestamp();
        await response.Body.FlushAsync(cancellationToken);
    }

    /// <summary>Waits for something, and sends comments where nothing else was sent for long.</summary>
    /// <param name="something">What is waited for.</param>
    /// <param name="longest">Not longer than this.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task WaitAsync(Task something, TimeSpan longest, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (longest == Timeout.InfiniteTimeSpan || time.GetElapsedTime(began) < longest)
        {
            var rest = longest == Timeout.InfiniteTimeSpan ? Quiet : longest - time.GetElapsedTime(began);
            try
            {
                await something.WaitAsync(rest < Quiet ? rest : Quiet, time, cancellationToken);
                return;
            }
            catch (TimeoutException)
            {
                // Nothing came: an ordinary end of waiting.
            }

            if (time.GetElapsedTime(spoke) >= Quiet)
            {
                await response.Body.WriteAsync(": still here\n\n"u8.ToArray(), cancellationToken);
                await response.Body.FlushAsync(cancellationToken);
                spoke = time.GetTimestamp();
            }
        }
    }
}
