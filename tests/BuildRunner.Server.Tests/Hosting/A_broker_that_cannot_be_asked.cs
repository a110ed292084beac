using System.Text.RegularExpressions;
using BuildRunner.Hosting;
using BuildRunner.Testing;
using BuildRunner.Testing.Services;
using RabbitMQ.Client;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>Whoever counts queues at the broker, or asks whether it serves, gets an answer whatever the broker does: an exception there would end the server.</summary>
public sealed class A_broker_that_cannot_be_asked
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Counting_goes_on_while_the_broker_dies_in_the_middle_of_it_and_counts_again_when_it_is_back()
    {
        await using var broker = await RabbitServer.StartAsync();
        await using var probe = new BrokerProbe(broker.Uri);
        probe.ConnectAhead();
        Assert.Equal(0, await CountsAsync(broker, probe));
        Assert.Null(await probe.DepthAsync("never-made", Cancel));
        using var stop = new CancellationTokenSource();
        var counted = 0;
        var counting = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                Interlocked.Increment(ref counted);
                await probe.DepthAsync("kept", Cancel);
            }
        })).ToList();
        await UntilAsync(() => Task.FromResult(Volatile.Read(ref counted) > 20));
        await broker.KillAsync();
        Assert.Null(await probe.DepthAsync("kept", Cancel));
        Assert.Contains("does not answer", await probe.Readiness.Problem(Cancel), StringComparison.Ordinal);
        await stop.CancelAsync();
        await Task.WhenAll(counting).WaitAsync(Patience, Cancel);

        await broker.RestartAsync();

        // What it was told a moment before it was killed it may have forgotten, which is not asked here.
        await UntilAsync(async () => await CountsAsync(broker, probe) == 0);
        Assert.Null(await probe.Readiness.Problem(Cancel));
    }

    [Theory]
    [InlineData("hangs up")]
    [InlineData("says nothing")]
    [InlineData("says what is no frame")]
    [InlineData("stops in the middle of a frame")]
    public async Task Something_else_at_its_address_is_nothing_to_count(string how)
    {
        await using var other = Serve(how);
        await using (var probe = new BrokerProbe(new Uri($"amqp://guest:guest@{other.Host}/")))
        {
            Assert.Null(await probe.DepthAsync("kept", Cancel).WaitAsync(Patience, Cancel));
            Assert.Contains("does not answer", await probe.Readiness.Problem(Cancel).WaitAsync(Patience, Cancel), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_server_that_ends_does_not_wait_for_a_broker_that_it_began_to_connect_to()
    {
        await using var other = Serve("says nothing");
        for (var round = 0; round < 20; round++)
        {
            var probe = new BrokerProbe(new Uri($"amqp://guest:guest@{other.Host}/"));
            probe.ConnectAhead();
            await Task.Delay(round * 2, Cancel);
            await probe.DisposeAsync().AsTask().WaitAsync(Patience, Cancel);
        }
    }

    [Fact]
    public async Task One_that_is_short_of_memory_or_disk_says_so_its_queues_are_counted_all_the_same_and_nobody_who_ends_waits_for_it()
    {
        await using var broker = await RabbitServer.StartAsync();
        await using var probe = new BrokerProbe(broker.Uri);
        Assert.Null(await probe.Readiness.Problem(Cancel));
        await broker.AllowMemoryAsync("0");
        await SaysAsync(probe, "takes no messages (low on memory)");
        Assert.Contains("takes no messages (low on memory)", await probe.Readiness.Problem(Cancel), StringComparison.Ordinal);
        Assert.Equal(0, await CountsAsync(broker, probe));
        await broker.RequireFreeDiskAsync("1000000000000000");
        await broker.AllowMemoryAsync("0.9");
        var other = new BrokerProbe(broker.Uri);
        await SaysAsync(other, "takes no messages (low on disk)");
        var began = TimeProvider.System.GetTimestamp();
        await other.DisposeAsync();
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        await broker.RequireFreeDiskAsync("10000000");
        await UntilAsync(async () => await probe.Readiness.Problem(Cancel) is null);
    }

    [Fact]
    public async Task A_user_who_may_send_nothing_there_has_a_broker_that_answers_and_asks_it_only_once()
    {
        await using var broker = await RabbitServer.StartAsync();
        await using var probe = new BrokerProbe(await broker.AddUserAsync("kim", "^own$"));
        for (var asked = 0; asked < 3; asked++)
        {
            Assert.Null(await probe.Readiness.Problem(Cancel));
        }

        await UntilAsync(() => Task.FromResult(broker.Log.Contains("access_refused", StringComparison.Ordinal)));
        Assert.Single(Regex.Matches(broker.Log, "operation basic.publish caused a channel exception access_refused"));
    }

    private static Task SaysAsync(BrokerProbe probe, string what) =>
        UntilAsync(async () => (await probe.Readiness.Problem(Cancel))?.Contains(what, StringComparison.Ordinal) is true);

    private static async Task<long?> CountsAsync(RabbitServer broker, BrokerProbe probe)
    {
        await using var connection = await new ConnectionFactory { Uri = broker.Uri }.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        await channel.QueueDeclareAsync("kept", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancel);
        return await probe.DepthAsync("kept", Cancel);
    }

    /// <summary>Somebody who is no broker.</summary>
    private static LoopbackServer Serve(string how) => LoopbackServer.Start(async (client, stopped) =>
    {
        byte[] said = how switch { "says what is no frame" => [.. "HTTP/1.1 400 Bad Request\r\n\r\n"u8], "stops in the middle of a frame" => [1, 0, 0, 0, 0, 1, 0, 0, 10], _ => [] };
        await client.SendAsync(said, stopped);
        if (how == "says nothing")
        {
            await Task.Delay(Timeout.Infinite, stopped);
        }
    });

    private static async Task UntilAsync(Func<Task<bool>> done)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        while (!await done())
        {
            await Task.Delay(20, patience.Token);
        }
    }
}
