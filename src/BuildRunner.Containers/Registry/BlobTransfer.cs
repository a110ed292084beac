using System.Net;
using System.Net.Http.Headers;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Registry;

/// <summary>Reads one blob to its end: goes on where it was cut, gives up on what crawls, and refuses a byte more than was promised.</summary>
internal sealed class BlobTransfer(RegistryExchange exchange, string path, string scope, BlobDescriptor blob, TimeProvider time)
{
    private const int Step = 64 * 1024;

    private readonly string _subject = $"the layer {blob.Digest}";
    private long _at;

    public async Task RunAsync(long from, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken)
    {
        _at = from;
        var pause = exchange.Options.FirstPause;
        for (var failures = 0; _at < blob.Size;)
        {
            var before = _at;
            try
            {
                await ReadOnceAsync(take, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (RegistryExchange.IsBroken(exception, cancellationToken))
            {
                // An attempt that got further does not count; a crawl is not further.
                (failures, pause) = _at - before >= Step ? (1, exchange.Options.FirstPause) : (failures + 1, pause * 2);
                if (failures >= exchange.Options.Attempts)
                {
                    throw RegistryErrors.NoAnswer(exchange.Registry.Authority, _subject, exception);
                }

                await exchange.PauseAsync(pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task ReadOnceAsync(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken)
    {
        using var response = await exchange.SendAsync(path, MakeRequest, scope, _subject, cancellationToken).ConfigureAwait(false);
        var skip = response.StatusCode switch
        {
            HttpStatusCode.OK => _at,
            HttpStatusCode.PartialContent when response.Content.Headers.ContentRange?.From == _at => 0,
            HttpStatusCode.PartialContent => throw RegistryErrors.Hostile(exchange.Registry.Authority, _subject, "another range came than was asked for"),
            _ => throw await exchange.RefusalAsync(response, _subject, cancellationToken).ConfigureAwait(false),
        };
        if (response.Content.Headers.ContentLength is { } length && length != blob.Size - (_at - skip))
        {
            throw WrongSize();
        }

        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using var _ = body.ConfigureAwait(false);
        await PumpAsync(body, skip, take, cancellationToken).ConfigureAwait(false);
        if (_at < blob.Size)
        {
            throw new IOException("the connection was closed before the end");
        }
    }

    private async Task PumpAsync(Stream body, long skip, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken)
    {
        var buffer = new byte[256 * 1024];
        var pace = new TransferPace(exchange.Options);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (true)
        {
            deadline.CancelAfter(exchange.Options.IdleTimeout);
            var start = time.GetTimestamp();
            var count = await body.ReadAsync(buffer, deadline.Token).ConfigureAwait(false);
            // What the taker needs is not the registry's fault.
            deadline.CancelAfter(Timeout.InfiniteTimeSpan);
            if (count == 0)
            {
                return;
            }

            pace.Count(count, time.GetElapsedTime(start));
            var piece = buffer.AsMemory(0, count);
            if (skip > 0)
            {
                var skipped = (int)Math.Min(skip, count);
                (skip, piece) = (skip - skipped, piece[skipped..]);
            }

            if (piece.IsEmpty)
            {
                continue;
            }

            if (piece.Length > blob.Size - _at)
            {
                throw WrongSize();
            }

            await take(piece, cancellationToken).ConfigureAwait(false);
            _at += piece.Length;
        }
    }

    private HttpRequestMessage MakeRequest()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, (Uri?)null);
        if (_at > 0)
        {
            request.Headers.Range = new RangeHeaderValue(_at, null);
        }

        return request;
    }

    private ContainerException WrongSize() =>
        RegistryErrors.Hostile(exchange.Registry.Authority, _subject, $"it is not the {blob.Size} bytes long that the manifest says");
}

/// <summary>Notices a sender that sends, but so slowly that it holds the transfer up for ever.</summary>
internal sealed class TransferPace(RegistryOptions options)
{
    private TimeSpan _waited;
    private long _bytes;

    /// <summary>Counts what came, and how long it was waited for.</summary>
    /// <exception cref="IOException">Over the last period it was too little.</exception>
    public void Count(int bytes, TimeSpan waited)
    {
        _bytes += bytes;
        _waited += waited;
        if (_waited < options.IdleTimeout)
        {
            return;
        }

        if (_bytes < options.LeastBytesPerSecond * _waited.TotalSeconds)
        {
            throw new IOException($"it sends less than {options.LeastBytesPerSecond} bytes a second");
        }

        (_waited, _bytes) = (TimeSpan.Zero, 0);
    }
}
