namespace BuildRunner.Server.Triggers;

/// <summary>Forms of the names that git and forges use. What does not have its form is not taken over, whoever signed it.</summary>
internal static class GitName
{
    private const int MaxRefLength = 512;

    /// <summary>Whether it is a commit's id: 40 or 64 hexadecimal digits, lower case.</summary>
    public static bool IsCommit(string? text) => text is { Length: 40 or 64 } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Whether it is no commit: all zeros, by which a push says that a ref was not there before or is not there now.</summary>
    public static bool IsNoCommit(string? text) => text is { Length: 40 or 64 } && text.All(digit => digit == '0');

    /// <summary>Whether it is a full ref as <c>git check-ref-format</c> allows it. Since it begins with <c>refs/</c>, no program takes it for an option.</summary>
    public static bool IsRef(string? text) =>
        text is { Length: > 5 and <= MaxRefLength }
        && text.StartsWith("refs/", StringComparison.Ordinal)
        && !text.Contains("..", StringComparison.Ordinal)
        && !text.Contains("@{", StringComparison.Ordinal)
        && text.All(IsRefCharacter)
        && text.Split('/').All(part => part.Length > 0 && part[0] != '.' && part[^1] != '.' && !part.EndsWith(".lock", StringComparison.Ordinal));

    /// <summary>Whether it is <c>owner/name</c>.</summary>
    public static bool IsRepository(string? text) =>
        text is { Length: <= 200 } && text.Split('/') is [var owner, var name] && IsRepositoryPart(owner) && IsRepositoryPart(name);

    private static bool IsRepositoryPart(string part) =>
        part.Length > 0 && part is not ("." or "..") && part[0] != '-' && part.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.');

    private static bool IsRefCharacter(char character) => !char.IsControl(character) && character is not (' ' or '~' or '^' or ':' or '?' or '*' or '[' or '\\');
}
