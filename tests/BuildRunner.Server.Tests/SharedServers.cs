using BuildRunner.Server.Tests;
using BuildRunner.Testing.Services;

[assembly: AssemblyFixture(typeof(SharedServers))]

namespace BuildRunner.Server.Tests;

/// <summary>One PostgreSQL and one RabbitMQ for all tests that need them, started by the first.</summary>
public sealed class SharedServers : IAsyncDisposable
{
    private readonly Lazy<Task<PostgresServer>> postgres = new(PostgresServer.StartAsync);
    private readonly Lazy<Task<RabbitServer>> rabbit = new(() => RabbitServer.StartAsync());

    /// <summary>A new, empty database.</summary>
    public async Task<string> DatabaseAsync() => await (await postgres.Value).CreateDatabaseAsync();

    public async Task<Uri> BrokerAsync() => (await rabbit.Value).Uri;

    public async ValueTask DisposeAsync()
    {
        if (postgres is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await (await postgres.Value).DisposeAsync();
        }

        if (rabbit is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await (await rabbit.Value).DisposeAsync();
        }
    }
}
