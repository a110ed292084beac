using BuildRunner.Cli.Output;

namespace BuildRunner.Cli.LocalRuns;

/// <summary>Prints a stored log.</summary>
/// <param name="Tail">Only so many lines of its end; null: all.</param>
/// <param name="Timestamps">With the time before each line.</param>
/// <param name="Raw">Bytes as they were written, without names.</param>
/// <param name="Style">Colours.</param>
internal sealed record LogPrinting(int? Tail, bool Timestamps, bool Raw, Style Style)
{
    private const int TimeLength = 24, HeadLength = TimeLength + 5;

    /// <summary>Prints it.</summary>
    /// <param name="path">The stored log.</param>
    /// <param name="label">Before each line; null: nothing.</param>
    /// <param name="output">Where to.</param>
    /// <exception cref="CliException">It is gone.</exception>
    public void Print(string path, string? label, Stream output)
    {
        var writer = new LineWriter(output);
        foreach (var line in Lines(path))
        {
            if (line.Length < HeadLength)
            {
                // Written just now, and not whole yet.
                continue;
            }

            if (Timestamps)
            {
                writer.Add(line.AsSpan(0, TimeLength)).Add(" ");
            }

            if (Raw)
            {
                writer.Add(line.AsSpan(HeadLength)).EndLine();
                continue;
            }

            if (label is not null)
            {
                writer.Add(Style.Bold(label)).Add(" ").Add(Style.Dim(Style.Bar)).Add(" ");
            }

            LogText.WriteSafe(writer, line.AsSpan(HeadLength), Style.Colour);
            writer.EndLine();
        }
    }

    private IEnumerable<byte[]> Lines(string path) => Tail is { } count ? Read(path).TakeLast(count) : Read(path);

    private static IEnumerable<byte[]> Read(string path)
    {
        using var file = Open(path);
        var line = new List<byte>();
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = file.Read(buffer)) > 0)
        {
            for (var start = 0; start < read;)
            {
                var end = Array.IndexOf(buffer, (byte)'\n', start, read - start);
                line.AddRange(buffer.AsSpan(start, (end < 0 ? read : end) - start));
                start = end < 0 ? read : end + 1;
                if (end >= 0)
                {
                    yield return line.ToArray();
                    line.Clear();
                }
            }
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Error, $"the stored log cannot be read: {e.Message}");
        }
    }
}
