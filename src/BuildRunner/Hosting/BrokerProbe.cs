using BuildRunner.Server.Hosting;
using RabbitMQ.Client;

namespace BuildRunner.Hosting;

/// <summary>Asks the broker, over a connection of its own, whether it answers and how long a queue is.</summary>
internal sealed class BrokerProbe(Uri uri) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    // The client's own limits do not hold where something takes the connection and says nothing: then it waits for ever.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private readonly SemaphoreSlim gate = new(1, 1);
    private readonly CancellationTokenSource ended = new();
    private Task ahead = Task.CompletedTask;
    private IConnection? connection;

    /// <summary>For <c>/readyz</c>. Not essential: without the broker agents and servers look for themselves (promise G9).</summary>
    public ReadinessProbe Readiness => new("broker", Essential: false, ProblemAsync);

    /// <summary>Begins to connect, and does not wait for it. Where that fails, whoever asks first connects, and says so.</summary>
    public void ConnectAhead()
    {
        var token = ended.Token;
        ahead = Task.Run(() => ProblemAsync(token));
    }

    /// <summary>Messages that wait in a queue; null: there is no such queue, or no broker.</summary>
    public async Task<long?> DepthAsync(string queue, CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync(async channel => (long?)(await channel.QueueDeclarePassiveAsync(queue, cancellationToken)).MessageCount, cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing to count, whatever it is: a broker that dies must not end the server that counts.
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await ahead.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseAsync();
        ended.Dispose();
        gate.Dispose();
    }

    private async Task<T> AskAsync<T>(Func<IChannel, Task<T>> ask, CancellationToken cancellationToken)
    {
        var broker = await ConnectAsync(cancellationToken);
        return await AnswerAsync().WaitAsync(Limit, cancellationToken);

        async Task<T> AnswerAsync()
        {
            await using var channel = await broker.CreateChannelAsync(cancellationToken: cancellationToken);
            return await ask(channel);
        }
    }

    private async Task<string?> ProblemAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync(_ => Task.FromResult<string?>(null), cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever it is, the broker does not serve. The message names no credential.
            return $"RabbitMQ at {uri.Host}:{(uri.Port > 0 ? uri.Port : 5672)} does not answer ({e.GetType().Name}); work goes on without it, a little later";
        }
    }

    private async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (connection is { IsOpen: true })
            {
                return connection;
            }

            await CloseAsync();
            var factory = new ConnectionFactory
            {
                Uri = uri,
                AutomaticRecoveryEnabled = false,
                RequestedConnectionTimeout = Patience,
                ContinuationTimeout = Patience,
                ClientProvidedName = "buildrunner readiness",
            };
            connection = await OpenAsync(factory, cancellationToken);
            return connection;
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
        var closing = connection;
        connection = null;
        if (closing is null)
        {
            return;
        }

        try
        {
            await closing.DisposeAsync().AsTask().WaitAsync(Limit);
        }
        catch (Exception e) when (e is TimeoutException or IOException or RabbitMQ.Client.Exceptions.OperationInterruptedException or ObjectDisposedException)
        {
            // It was broken anyway.
        }
    }
}
