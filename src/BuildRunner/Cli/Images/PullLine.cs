using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Images;

/// <summary>Shows on a terminal, in one line that changes, how far a pull is; elsewhere nothing.</summary>
internal sealed class PullLine(CliHost host, ImageReference image, bool quiet) : IProgress<PullProgress>, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private long? _shown;
    private bool _ended;

    /// <inheritdoc/>
    public void Report(PullProgress value)
    {
        lock (_lock)
        {
            var now = host.Time.GetTimestamp();
            if (quiet || _ended || !host.Terminal.ErrorIsTerminal || value.Phase != PullPhase.Loading
                || (_shown is { } last && host.Time.GetElapsedTime(last, now) < Pause))
            {
                return;
            }

            _shown = now;
            var text = $"{image}  {value.LayersDone}/{value.Layers} layers  {SizeText.Of(value.Bytes)} of {SizeText.Of(value.TotalBytes)}";
            host.Say($"\r\e[K{text[..Math.Min(text.Length, Math.Max(1, host.Terminal.Width() - 1))]}");
        }
    }

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (!_ended && _shown is not null)
            {
                host.Say("\r\e[K");
            }

            _ended = true;
        }
    }
}
