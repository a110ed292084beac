using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace BuildRunner.Hosting;

/// <summary>A connection to the broker. It is made when somebody first asks over it, and anew where it has ended.</summary>
internal sealed class BrokerConnection(Uri uri) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    // For connecting, too: the client's own limits do not hold where something takes the connection and says nothing.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(200);
    private readonly SemaphoreSlim gate = new(1, 1);
    private Link? link;

    /// <summary>Asks over a channel of its own.</summary>
    public async Task<T> AskAsync<T>(Func<IChannel, Task<T>> ask, CancellationToken cancellationToken)
    {
        var open = await ConnectAsync(cancellationToken);
        return await AnswerAsync().WaitAsync(Limit, cancellationToken);

        async Task<T> AnswerAsync()
        {
            await using var channel = await open.Connection.CreateChannelAsync(cancellationToken: cancellationToken);
            return await ask(channel);
        }
    }

    /// <summary>Why the broker takes no messages, in its own words; null: it takes them.</summary>
    /// <remarks>
    /// It tells that only to who sends something, and reads nothing more from that connection until it takes messages again. So this sends one that nobody gets,
    /// and over a connection on which nothing else is asked. While the connection is not read nothing is sent again: the broker says itself when it reads on.
    /// </remarks>
    public async Task<string?> RefusalAsync(CancellationToken cancellationToken)
    {
        var open = await ConnectAsync(cancellationToken);
        var refusal = open.Refusal;
        if (!refusal.IsCompleted && await Task.WhenAny(refusal, open.SendAsync()).WaitAsync(Patience, cancellationToken) is var first && first != refusal)
        {
            await first;
            return null;
        }

        return await refusal;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        gate.Dispose();
    }

    private async Task<Link> ConnectAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (link is { Connection.IsOpen: true })
            {
                return link;
            }

            await CloseAsync();
            var factory = new ConnectionFactory
            {
                Uri = uri,
                AutomaticRecoveryEnabled = false,
                RequestedConnectionTimeout = Patience,

                // Where the broker reads nothing, what was asked stays asked until it reads on; whoever waits for it here has a limit.
                ContinuationTimeout = Timeout.InfiniteTimeSpan,
                ClientProvidedName = "buildrunner readiness",
            };
            return link = new Link(await OpenAsync(factory, cancellationToken));
        }
        finally
        {
            gate.Release();
        }
    }

    private static async Task<IConnection> OpenAsync(ConnectionFactory factory, CancellationToken cancellationToken)
    {
        var opening = factory.CreateConnectionAsync(cancellationToken);
        try
        {
            return await opening.WaitAsync(Limit, cancellationToken);
        }
        catch
        {
            // Should it be opened in the end: nobody wants it any more.
            _ = opening.ContinueWith(late => late.Exception is null ? late.Result.DisposeAsync().AsTask() : Task.CompletedTask, CancellationToken.None, TaskContinuationOptions.NotOnCanceled, TaskScheduler.Default);
            throw;
        }
    }

    private async Task CloseAsync()
    {
        var closing = link;
        link = null;
        if (closing is null)
        {
            return;
        }

        try
        {
            // A broker that reads nothing does not answer the goodbye either, and the client waits for that for longer than it was told to.
            await closing.DisposeAsync().AsTask().WaitAsync(closing.Refusal.IsCompleted ? Moment : Limit);
        }
        catch (Exception e) when (e is TimeoutException or IOException or OperationInterruptedException or ObjectDisposedException)
        {
            // It was broken anyway.
        }
    }

    /// <summary>One connection, and what the broker has said over it.</summary>
    private sealed class Link : IAsyncDisposable
    {
        // No queue has this name, so what is sent to it is thrown away.
        private const string Nobody = "buildrunner-nobody";

        private TaskCompletionSource<string> refusal = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool maySend = true;

        public Link(IConnection connection)
        {
            Connection = connection;
            connection.ConnectionBlockedAsync += (_, told) =>
            {
                Volatile.Read(ref refusal).TrySetResult(told.Reason);
                return Task.CompletedTask;
            };
            connection.ConnectionUnblockedAsync += (_, _) =>
            {
                Volatile.Write(ref refusal, new(TaskCreationOptions.RunContinuationsAsynchronously));
                return Task.CompletedTask;
            };
        }

        public IConnection Connection { get; }

        /// <summary>Ends with why the broker reads nothing more, as long as it does not.</summary>
        public Task<string> Refusal => Volatile.Read(ref refusal).Task;

        /// <summary>Ends when the broker has taken a message and has read on behind it.</summary>
        public async Task SendAsync()
        {
            await using var channel = await Connection.CreateChannelAsync();
            try
            {
                if (maySend)
                {
                    await channel.BasicPublishAsync(exchange: "", Nobody, ReadOnlyMemory<byte>.Empty);
                }

                // Asks something that costs nothing and that everybody may ask: with the answer the broker has read on. To close the channel is no such question, as the broker may be closing it.
                await channel.BasicQosAsync(prefetchSize: 0, prefetchCount: 1, global: false);
            }
            catch (OperationInterruptedException) when (Connection.IsOpen)
            {
                // The broker has closed the channel, so it answers: this user may not send to the default exchange. It writes a line about each try, so this was the only one.
                maySend = false;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Connection.AbortAsync(Patience);
            await Connection.DisposeAsync();
        }
    }
}
