using BuildRunner.Server.Hosting;
using RabbitMQ.Client;

namespace BuildRunner.Hosting;

/// <summary>Asks the broker, over a connection of its own, whether it answers and how long a queue is.</summary>
internal sealed class BrokerProbe(Uri uri) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim gate = new(1, 1);
    private IConnection? connection;

    /// <summary>For <c>/readyz</c>. Not essential: without the broker agents and servers look for themselves (promise G9).</summary>
    public ReadinessProbe Readiness => new("broker", Essential: false, ProblemAsync);

    /// <summary>Messages that wait in a queue; null: there is no such queue, or no broker.</summary>
    public async Task<long?> DepthAsync(string queue, CancellationToken cancellationToken)
    {
        try
        {
            await using var channel = await (await ConnectAsync(cancellationToken)).CreateChannelAsync(cancellationToken: cancellationToken);
            return (await channel.QueueDeclarePassiveAsync(queue, cancellationToken)).MessageCount;
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing to count, whatever it is: a broker that dies must not end the server that counts.
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (connection is not null)
        {
            await connection.DisposeAsync();
        }

        gate.Dispose();
    }

    private async Task<string?> ProblemAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var channel = await (await ConnectAsync(cancellationToken)).CreateChannelAsync(cancellationToken: cancellationToken);
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
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

            if (connection is not null)
            {
                await connection.DisposeAsync();
                connection = null;
            }

            var factory = new ConnectionFactory
            {
                Uri = uri,
                AutomaticRecoveryEnabled = false,
                RequestedConnectionTimeout = Patience,
                ContinuationTimeout = Patience,
                ClientProvidedName = "buildrunner readiness",
            };
            connection = await factory.CreateConnectionAsync(cancellationToken);
            return connection;
        }
        finally
        {
            gate.Release();
        }
    }
}
