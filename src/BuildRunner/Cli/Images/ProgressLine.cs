namespace BuildRunner.Cli.Images;

/// <summary>One line on a terminal that changes; elsewhere nothing.</summary>
internal sealed class ProgressLine(CliHost host, bool quiet) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private long? _shown;
    private bool _ended;

    /// <summary>Shows a text, unless one was shown a moment ago.</summary>
    public void Show(Func<string> make)
    {
        lock (_lock)
        {
            var now = host.Time.GetTimestamp();
            if (quiet || _ended || !host.Terminal.ErrorIsTerminal || (_shown is { } last && host.Time.GetElapsedTime(last, now) < Pause))
            {
                return;
            }

            _shown = now;
            var text = make();
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
