using BuildRunner.Server.Hosting;

namespace BuildRunner.Hosting;

/// <summary>Asks the broker, over connections of its own, whether it answers, whether it takes messages, and how long a queue is.</summary>
internal sealed class BrokerProbe(Uri uri) : IAsyncDisposable
{
    // Two, because a broker that is short of room reads nothing more from a connection over which something was sent, and queues are counted all the same.
    private readonly BrokerConnection sending = new(uri), counting = new(uri);
    private readonly CancellationTokenSource ended = new();
    private Task ahead = Task.CompletedTask;

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
            return await counting.AskAsync(async channel => (long?)(await channel.QueueDeclarePassiveAsync(queue, cancellationToken)).MessageCount, cancellationToken);
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
        await sending.DisposeAsync();
        await counting.DisposeAsync();
        ended.Dispose();
    }

    // The messages name no credential.
    private async Task<string?> ProblemAsync(CancellationToken cancellationToken)
    {
        var name = $"RabbitMQ at {uri.Host}:{(uri.Port > 0 ? uri.Port : 5672)}";
        try
        {
            return await sending.RefusalAsync(cancellationToken) is { } why
                ? $"{name} takes no messages ({why}); work goes on without it, a little later"
                : null;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever it is, the broker does not serve.
            return $"{name} does not answer ({e.GetType().Name}); work goes on without it, a little later";
        }
    }
}
