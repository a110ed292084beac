namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>
/// Hides what stands between <c>${</c> and <c>}</c> from the YAML parser: <c>[latest, ${CI_COMMIT_TAG##v}]</c> is a list of two texts, because Woodpecker
/// substitutes before it parses. Each punctuation character is replaced by one private character and put back in the texts, so that positions stay.
/// </summary>
internal sealed class SubstitutionMask
{
    // Blocks of 128 private characters; one that a file uses itself is not taken.
    private static readonly char[] Blocks = ['\uF300', '\uF400', '\uE900', '\uE000'];

    private readonly char block;

    private SubstitutionMask(string text, char block)
    {
        Text = text;
        this.block = block;
    }

    /// <summary>The text for the parser.</summary>
    public string Text { get; }

    /// <summary>Hides the substitutions of a text.</summary>
    public static SubstitutionMask Hide(string text)
    {
        if (!text.Contains("${", StringComparison.Ordinal))
            return new SubstitutionMask(text, '\0');
        foreach (var block in Blocks)
        {
            if (!text.AsSpan().ContainsAnyInRange(block, (char)(block + 127)))
                return new SubstitutionMask(Hide(text, block), block);
        }
        return new SubstitutionMask(text, '\0');
    }

    /// <summary>Puts back what was hidden in a piece of the text.</summary>
    public string Restore(string text)
    {
        if (block == '\0' || !text.AsSpan().ContainsAnyInRange(block, (char)(block + 127)))
            return text;
        return string.Create(text.Length, (text, block), static (target, source) =>
        {
            for (var i = 0; i < target.Length; i++)
            {
                var offset = source.text[i] - source.block;
                target[i] = offset is >= 0 and < 128 ? (char)offset : source.text[i];
            }
        });
    }

    // One pass: what is closed on the line it begins in is hidden, from the outermost `${` to its brace.
    private static string Hide(string text, char block)
    {
        var characters = text.ToCharArray();
        int depth = 0, start = 0;
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] is '\n' or '\r')
            {
                depth = 0;
            }
            else if (text[at] == '$' && at + 1 < text.Length && text[at + 1] == '{')
            {
                start = depth++ == 0 ? at : start;
                at++;
            }
            else if (text[at] == '}' && depth > 0 && --depth == 0)
            {
                Hide(characters.AsSpan((start + 1)..(at + 1)), block);
            }
        }
        return new string(characters);
    }

    private static void Hide(Span<char> characters, char block)
    {
        foreach (ref var character in characters)
        {
            if (character <= 127 && !char.IsAsciiLetterOrDigit(character))
                character = (char)(block + character);
        }
    }
}
