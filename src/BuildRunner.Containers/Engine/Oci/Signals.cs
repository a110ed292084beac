using System.Globalization;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Signals as images name them (<c>STOPSIGNAL</c>): <c>SIGQUIT</c>, <c>QUIT</c>, <c>3</c>, <c>SIGRTMIN+3</c>.</summary>
internal static class Signals
{
    private const int Terminate = 15, FirstRealTime = 34, Last = 64;

    private static readonly string[] Names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>The signal's number; TERM if the text means none.</summary>
    public static int Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return Terminate;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number is >= 1 and <= Last ? number : Terminate;
        }

        var name = text.StartsWith("SIG", StringComparison.OrdinalIgnoreCase) ? text[3..].ToUpperInvariant() : text.ToUpperInvariant();
        if (name.StartsWith("RTMIN", StringComparison.Ordinal))
        {
            _ = int.TryParse(name["RTMIN".Length..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var offset);
            return Math.Clamp(FirstRealTime + offset, FirstRealTime, Last);
        }

        return Array.IndexOf(Names, name) is var index and > 0 ? index : Terminate;
    }
}
