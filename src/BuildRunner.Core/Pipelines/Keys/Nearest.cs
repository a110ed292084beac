namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>Finds the word that was probably meant.</summary>
public static class Nearest
{
    /// <summary>The nearest of some words; null if none is near.</summary>
    /// <param name="written">What somebody wrote.</param>
    /// <param name="words">What there is.</param>
    public static string? To(string written, IEnumerable<string> words)
    {
        ArgumentNullException.ThrowIfNull(written);
        ArgumentNullException.ThrowIfNull(words);
        if (written.Length is 0 or > 64)
            return null;
        var normal = Normalise(written);
        string? best = null;
        var bestDistance = int.MaxValue;
        foreach (var word in words)
        {
            if (word.Length > 64)
                continue;
            var distance = Distance(normal, Normalise(word));
            if (distance < bestDistance && distance <= Math.Max(1, Math.Min(written.Length, word.Length) / 3))
                (best, bestDistance) = (word, distance);
        }
        return best;
    }

    private static string Normalise(string text) => text.ToLowerInvariant().Replace('-', '_');

    /// <summary>How many letters have to be inserted, deleted, replaced, or swapped with their neighbour (optimal string alignment).</summary>
    public static int Distance(string a, string b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                rows[i, j] = Math.Min(Math.Min(rows[i - 1, j] + 1, rows[i, j - 1] + 1), rows[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }
        return rows[a.Length, b.Length];
    }
}
