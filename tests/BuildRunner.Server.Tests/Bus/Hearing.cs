using System.Collections.Concurrent;
using MassTransit;

namespace BuildRunner.Server.Tests.Bus;

/// <summary>What a server has taken from the bus, whoever it came from.</summary>
internal sealed class Hearing : IReceiveObserver, IDisposable
{
    private readonly ConcurrentQueue<object> heard = new();
    private readonly ConnectHandle handle;

    public Hearing(Installation server) => handle = server.Get<IBusControl>().ConnectReceiveObserver(this);

    /// <summary>Everything so far.</summary>
    public IReadOnlyList<object> Heard => [.. heard];

    /// <summary>Waits until all of these were heard.</summary>
    public async Task HearsAsync(params object[] messages)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (messages.Except(heard).ToList() is { Count: > 0 } missing)
        {
            Assert.False(patience.IsCancellationRequested, $"not heard: {string.Join(", ", missing)}; heard: {string.Join(", ", heard)}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
        where T : class
    {
        heard.Enqueue(context.Message);
        return Task.CompletedTask;
    }

    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception)
        where T : class => Task.CompletedTask;

    public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;

    public void Dispose() => handle.Disconnect();
}
