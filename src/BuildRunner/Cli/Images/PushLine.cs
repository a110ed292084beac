using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Cli.Images;

/// <summary>Shows on a terminal, in one line that changes, how far a push is; elsewhere nothing.</summary>
internal sealed class PushLine(CliHost host, ImageReference target, bool quiet) : IProgress<PushProgress>, IDisposable
{
    private readonly ProgressLine _line = new(host, quiet);

    /// <inheritdoc/>
    public void Report(PushProgress value) =>
        _line.Show(() => $"{target}  {value.BlobsDone}/{value.Blobs} parts  {SizeText.Of(value.Bytes)} of {SizeText.Of(value.TotalBytes)}");

    /// <summary>Clears the line.</summary>
    public void Dispose() => _line.Dispose();
}
