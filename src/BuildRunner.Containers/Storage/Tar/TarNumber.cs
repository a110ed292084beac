namespace BuildRunner.Containers.Storage.Tar;

/// <summary>The numbers of tar headers.</summary>
internal static class TarNumber
{
    /// <summary>A field: octal digits between blanks and NULs, or GNU's base 256 if the first bit is set.</summary>
    public static long Parse(ReadOnlySpan<byte> field, string name)
    {
        if ((field[0] & 0x80) != 0)
        {
            return ParseBinary(field, name);
        }

        var digits = field.Trim(" \0"u8);
        long value = 0;
        foreach (var digit in digits)
        {
            // A NUL ends the number; what follows it is padding, whatever it holds.
            if (digit is 0 or (byte)' ')
            {
                break;
            }

            if (digit is < (byte)'0' or > (byte)'7' || value >> 60 != 0)
            {
                throw new TarFormatException($"the field '{name}' of a header is not a number");
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return value;
    }

    /// <summary>A decimal number of a PAX record.</summary>
    public static long ParseDecimal(ReadOnlySpan<byte> text, string name) =>
        System.Buffers.Text.Utf8Parser.TryParse(text, out long value, out var used) && used == text.Length
            ? value
            : throw new TarFormatException($"the PAX record '{name}' is not a number");

    /// <summary>A PAX time: seconds, perhaps negative, perhaps with decimals.</summary>
    public static (long Seconds, int Nanoseconds) ParseTime(ReadOnlySpan<byte> text)
    {
        var point = text.IndexOf((byte)'.');
        var seconds = ParseDecimal(point < 0 ? text : text[..point], "mtime");
        var nanoseconds = 0;
        if (point >= 0)
        {
            var decimals = text[(point + 1)..];
            for (var i = 0; i < 9; i++)
            {
                var digit = i < decimals.Length ? decimals[i] - '0' : 0;
                nanoseconds = digit is >= 0 and <= 9 ? (nanoseconds * 10) + digit : throw new TarFormatException("the PAX record 'mtime' is not a time");
            }
        }

        // "-1.25" is a quarter of a second before -1.
        return nanoseconds > 0 && text[0] == '-' ? (seconds - 1, 1_000_000_000 - nanoseconds) : (seconds, nanoseconds);
    }

    private static long ParseBinary(ReadOnlySpan<byte> field, string name)
    {
        var negative = (field[0] & 0x40) != 0;
        long value = negative ? -1 : 0;
        for (var i = 0; i < field.Length; i++)
        {
            var part = i == 0 ? field[0] & 0x7F | (negative ? 0x80 : 0) : field[i];
            if (value is > (long.MaxValue >> 8) or < (long.MinValue >> 8))
            {
                throw new TarFormatException($"the field '{name}' of a header is too large");
            }

            value = (value << 8) | (uint)part;
        }

        return value;
    }
}
