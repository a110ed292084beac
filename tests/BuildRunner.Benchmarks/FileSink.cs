using BuildRunner.Containers.Engine;

namespace BuildRunner.Benchmarks;

/// <summary>Stores a log as a plain file.</summary>
internal sealed class FileSink(string path) : IOutputSink, IAsyncDisposable
{
    private readonly FileStream _file = new(path, FileMode.Create);

    public long Bytes { get; private set; }

    public async ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
    {
        await _file.WriteAsync(bytes, cancellationToken);
        Bytes += bytes.Length;
    }

    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
