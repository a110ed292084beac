namespace BuildRunner.Cli;

/// <summary>Why a file that somebody named cannot be read, in words for whoever named it.</summary>
internal static class FileTrouble
{
    /// <summary>Without the path, which the message that this ends has already said.</summary>
    public static string Of(Exception problem) => problem switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        UnauthorizedAccessException { Message: var said } => said.Contains("denied", StringComparison.Ordinal) ? "it is a directory, or this user may not read it" : said,
        _ => problem.Message,
    };
}
