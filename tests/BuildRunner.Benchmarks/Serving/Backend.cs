using BuildRunner.Testing.Services;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>What a server stores in and speaks over: SQLite and this process, or PostgreSQL and RabbitMQ. Both are durable as they are in use: every commit is on the disk.</summary>
internal sealed class Backend : IAsyncDisposable
{
    private readonly PostgresServer? _postgres;
    private readonly RabbitServer? _rabbit;

    private Backend(PostgresServer? postgres, RabbitServer? rabbit)
    {
        _postgres = postgres;
        _rabbit = rabbit;
    }

    /// <summary>The ones to measure: both, or the one that <c>BUILDRUNNER_BENCHMARK_STORE</c> names (<c>sqlite</c>, <c>postgresql</c>).</summary>
    public static IEnumerable<string> Names =>
        Environment.GetEnvironmentVariable("BUILDRUNNER_BENCHMARK_STORE") is { Length: > 0 } only ? [only] : ["sqlite", "postgresql"];

    /// <summary>For people.</summary>
    public string Title => _postgres is null ? "SQLite, in-process" : "PostgreSQL, RabbitMQ";

    public static async Task<Backend> StartAsync(string name) => name switch
    {
        "sqlite" => new Backend(null, null),
        "postgresql" => new Backend(await PostgresServer.StartAsync(durable: true), await RabbitServer.StartAsync()),
        _ => throw new InvalidOperationException($"there is no store '{name}': sqlite or postgresql"),
    };

    /// <summary>The settings by which a server uses a new, empty store.</summary>
    public async Task<IReadOnlyDictionary<string, string>> SettingsAsync() => _postgres is null || _rabbit is null
        ? new Dictionary<string, string>()
        : new Dictionary<string, string>
        {
            ["BUILDRUNNER_DATABASE__PROVIDER"] = "postgresql",
            ["BUILDRUNNER_DATABASE__CONNECTIONSTRING"] = await _postgres.CreateDatabaseAsync(),
            ["BUILDRUNNER_BUS__TRANSPORT"] = "rabbitmq",
            ["BUILDRUNNER_BUS__RABBITMQ__URI"] = _rabbit.Uri.ToString(),
            ["BUILDRUNNER_BUS__RABBITMQ__QUEUEPREFIX"] = $"bench-{Guid.NewGuid():N}",
        };

    public async ValueTask DisposeAsync()
    {
        if (_rabbit is not null)
        {
            await _rabbit.DisposeAsync();
        }

        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }
    }
}
