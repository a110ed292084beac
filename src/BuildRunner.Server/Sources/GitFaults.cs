namespace BuildRunner.Server.Sources;

/// <summary>Makes of what git said an error that a person can act on.</summary>
internal static class GitFaults
{
    /// <summary>What to do when nothing can be stored.</summary>
    public const string DiskIsFull = "the server's disk is full; free some space";

    private const int MostSaid = 300;

    // git has no codes for these; the words are those of its C locale.
    private static readonly (string Word, SourceFault Fault, string Message)[] Known =
    [
        ("Host key verification failed", SourceFault.NotReadable, "the host's ssh key is not the one that is known; if it was changed on purpose, correct the file of known hosts"),
        ("Permission denied", SourceFault.NotReadable, "the host does not let the credential in; set another one"),
        ("Authentication failed", SourceFault.NotReadable, "the host does not let the credential in; set another one"),
        ("could not read Username", SourceFault.NotReadable, "there is no such repository, or it needs a credential; correct the address or set a credential"),
        ("error: 401", SourceFault.NotReadable, "the host does not let the credential in; set another one"),
        ("error: 403", SourceFault.NotReadable, "the credential may not read this repository; set another one"),
        ("Repository not found", SourceFault.NotReadable, "there is no such repository, or the credential may not see it"),
        ("does not appear to be a git repository", SourceFault.NotReadable, "there is no git repository at the address"),
        ("not found", SourceFault.NotReadable, "there is no such repository, or the credential may not see it"),
        ("unable to update url base from redirection", SourceFault.NotReadable, "the host redirects; give the address that it redirects to"),
        ("not our ref", SourceFault.NoSuchRef, "the repository has no such commit"),
        ("couldn't find remote ref", SourceFault.NoSuchRef, "the repository has no such ref"),
        ("No space left on device", SourceFault.Here, DiskIsFull),
        ("certificate", SourceFault.Unreachable, "the host's certificate is not trusted (setting Sources:CertificateAuthorities)"),
    ];

    /// <summary>The error for a command that failed.</summary>
    public static SourceException Of(GitResult result, SourceRemote remote)
    {
        var said = Said(result.Error);
        foreach (var (word, fault, message) in Known)
        {
            if (result.Error.Contains(word, StringComparison.Ordinal))
            {
                return new SourceException(fault, $"{remote.Url.Text}: {message} (git: {said})");
            }
        }

        return new SourceException(SourceFault.Unreachable, $"{remote.Url.Text} cannot be read (git: {said})");
    }

    // A remote's words: short, on one line, nothing that moves a cursor.
    private static string Said(string error)
    {
        var line = error.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).LastOrDefault(l => l.StartsWith("fatal:", StringComparison.Ordinal) || l.StartsWith("error:", StringComparison.Ordinal))
            ?? error.Trim();
        var clean = new string([.. line.Where(c => !char.IsControl(c)).Take(MostSaid)]);
        return clean.Length == 0 ? "nothing" : clean;
    }
}
