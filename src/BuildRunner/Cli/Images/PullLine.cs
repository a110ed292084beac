using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Images;

/// <summary>Shows on a terminal, in one line that changes, how far a pull is; elsewhere nothing.</summary>
internal sealed class PullLine(CliHost host, ImageReference image, bool quiet) : IProgress<PullProgress>, IDisposable
{
    private readonly ProgressLine _line = new(host, quiet);

    /// <inheritdoc/>
    public void Report(PullProgress value)
    {
        if (value.Phase == PullPhase.Loading)
        {
            _line.Show(() => $"{image}  {value.LayersDone}/{value.Layers} layers  {SizeText.Of(value.Bytes)} of {SizeText.Of(value.TotalBytes)}");
        }
    }

    /// <summary>Clears the line.</summary>
    public void Dispose() => _line.Dispose();
}
