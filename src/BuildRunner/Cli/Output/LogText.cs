namespace BuildRunner.Cli.Output;

/// <summary>Makes a line of a step fit for a terminal that shows other lines beside it.</summary>
internal static class LogText
{
    /// <summary>What a terminal would show in the end: a carriage return begins the line anew.</summary>
    public static ReadOnlySpan<byte> Overwritten(ReadOnlySpan<byte> line)
    {
        while (line.LastIndexOf((byte)'\r') is var at and >= 0)
        {
            if (at + 1 < line.Length)
            {
                return line[(at + 1)..];
            }

            line = line[..at];
        }

        return line;
    }

    /// <summary>Writes the line without what would move the cursor, change the screen or reach the terminal's settings; colours stay if wanted.</summary>
    public static void WriteSafe(LineWriter writer, ReadOnlySpan<byte> line, bool colour)
    {
        line = Overwritten(line);
        if (line.IndexOfAnyInRange((byte)0, (byte)31) < 0)
        {
            writer.Add(line);
            return;
        }

        var painted = false;
        while (!line.IsEmpty)
        {
            var plain = line.IndexOfAnyInRange((byte)0, (byte)31);
            if (plain < 0)
            {
                writer.Add(line);
                break;
            }

            writer.Add(line[..plain]);
            line = line[plain..];
            var length = ControlLength(line, out var isColour);
            if (line[0] == '\t' || (isColour && colour))
            {
                writer.Add(line[..length]);
                painted |= isColour;
            }

            line = line[length..];
        }

        if (painted)
        {
            writer.Add("\e[0m"u8);
        }
    }

    // How long the control character or escape sequence at the start is (ECMA-48), and whether it only paints (SGR).
    private static int ControlLength(ReadOnlySpan<byte> line, out bool isColour)
    {
        isColour = false;
        if (line[0] != 0x1b || line.Length == 1)
        {
            return 1;
        }

        if (line[1] == '[')
        {
            var end = line[2..].IndexOfAnyInRange((byte)0x40, (byte)0x7e);
            isColour = end >= 0 && line[2 + end] == 'm';
            return end < 0 ? line.Length : end + 3;
        }

        if (line[1] is (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_')
        {
            // A string: ends with BEL or with ESC \.
            var end = line[2..].IndexOfAny((byte)0x07, (byte)0x1b);
            return end < 0 ? line.Length : line[2 + end] == 0x07 ? end + 3 : Math.Min(line.Length, end + 4);
        }

        return 2;
    }
}
