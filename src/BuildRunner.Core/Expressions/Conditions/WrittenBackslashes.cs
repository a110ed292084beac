using System.Text;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Backslashes of a condition, as files are written for Woodpecker: its substitution takes one away of <c>\\</c> and of <c>\/</c> before anything else reads the file, so that a regular
/// expression's <c>\.</c> is written <c>\\\\.</c> or <c>\\\.</c> there. Pure.</summary>
internal static class WrittenBackslashes
{
    /// <summary>The condition as Woodpecker's evaluation gets it. What is inside of <c>${…}</c> has rules of its own and stays.</summary>
    public static string Taken(string written)
    {
        if (!written.Contains('\\', StringComparison.Ordinal))
            return written;
        var result = new StringBuilder(written.Length);
        var open = 0;
        for (var at = 0; at < written.Length; at++)
        {
            switch (written[at], at + 1 < written.Length ? written[at + 1] : '\0')
            {
                case ('$', '$'):
                    result.Append(written[at++]);
                    break;
                case ('$', '{'):
                    open++;
                    result.Append(written[at++]);
                    break;
                case ('}', _) when open > 0:
                    open--;
                    break;
                case ('\\', '\\' or '/') when open == 0:
                    at++;
                    break;
                default:
                    break;
            }
            result.Append(written[at]);
        }
        return result.ToString();
    }
}
