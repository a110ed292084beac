namespace BuildRunner.Core.Files;

/// <summary>Why something cannot be written where somebody wants it, in words for whoever named the place: a clause without a full stop, on one line.</summary>
/// <remarks>What is there is looked at when this is asked, which is right after it went wrong. What no rule here knows is said in the words of the exception.</remarks>
public static class PathTrouble
{
    // Linux's numbers, which exceptions carry as they are.
    private const int Input = 5;
    private const int Exists = 17;
    private const int NoSpace = 28;
    private const int ReadOnly = 30;
    private const int Circle = 40;
    private const int OverQuota = 122;

    /// <summary>Of a file that could not be written.</summary>
    /// <param name="path">Where it was to be, absolute.</param>
    /// <param name="problem">What happened.</param>
    public static string OfFile(string path, Exception problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return Directory.Exists(path) ? "it is a folder, not a file" : Of(path, problem);
    }

    /// <summary>Of a folder that could not be made, or in which something could not be.</summary>
    /// <param name="path">Where it was to be, absolute.</param>
    /// <param name="problem">What happened.</param>
    public static string OfFolder(string path, Exception problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return File.Exists(path) ? "it is a file, not a folder" : Of(path, problem);
    }

    private static string Of(string path, Exception problem)
    {
        var at = Named(problem) ?? path;
        if (Above(at).Concat(Above(path)).FirstOrDefault(File.Exists) is { } file)
        {
            return $"{file} is a file, not a folder";
        }

        return problem switch
        {
            FileNotFoundException or DirectoryNotFoundException => Above(at).FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing
                ? $"there is no folder {missing}"
                : $"there is no {at}",
            UnauthorizedAccessException => IsWithin(at, path) ? $"this user may not write to {Nearest(at)}" : $"this user may not use {at}",
            PathTooLongException => "its name is too long",
            IOException { HResult: ReadOnly } => $"{Nearest(at)} can only be read: its file system is mounted so",
            IOException { HResult: NoSpace } => $"there is no room left on the disk{Elsewhere(at, path)}",
            IOException { HResult: OverQuota } => $"this user may take no more room on the disk{Elsewhere(at, path)}",
            IOException { HResult: Circle } => "its links lead in a circle",
            IOException { HResult: Exists } => "something of that name is there already",
            IOException { HResult: Input } => "the disk reports an error",
            _ => problem.Message.ReplaceLineEndings(" ").TrimEnd('.'),
        };
    }

    // The exception names what was touched last, which may lie in or beside what was asked for.
    private static string? Named(Exception problem) =>
        problem.Message.Split('\'') is { Length: >= 3 } parts && string.Join('\'', parts[1..^1]) is ['/', ..] named ? named : null;

    // The folders in which it lies, the topmost first.
    private static IEnumerable<string> Above(string path)
    {
        for (var end = path.IndexOf('/', 1); end > 0; end = path.IndexOf('/', end + 1))
        {
            yield return path[..end];
        }
    }

    // What goes wrong on the way need not lie where somebody wants it: a backup is put together in the data directory.
    private static string Elsewhere(string at, string path) => IsWithin(at, path) ? "" : $" of {Nearest(at)}";

    // Beside it counts too: what is half written is there.
    private static bool IsWithin(string at, string path) => HasIn(at, path) || HasIn(Path.GetDirectoryName(path) ?? "/", at);

    private static bool HasIn(string folder, string path) => (path + "/").StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);

    private static string Nearest(string path) => Path.Exists(path) ? path : Above(path).LastOrDefault(Directory.Exists) ?? "/";
}
