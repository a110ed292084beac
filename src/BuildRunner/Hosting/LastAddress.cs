namespace BuildRunner.Hosting;

/// <summary>Where the server of a data directory serves, or last did, as people reach it: for links that another process makes.</summary>
internal static class LastAddress
{
    private const string Name = "server.address";

    /// <summary>Writes it down. Without it a link may name another address, so a disk that takes nothing does not keep a server from starting.</summary>
    public static void Keep(string dataDirectory, Uri root)
    {
        try
        {
            File.WriteAllText(Path.Combine(dataDirectory, Name), root.AbsoluteUri + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Links of 'server link' then name the address of the settings, as before the first start.
        }
    }

    /// <summary>What was written; null: nothing that is an address.</summary>
    public static Uri? Read(string dataDirectory)
    {
        try
        {
            return Uri.TryCreate(File.ReadAllText(Path.Combine(dataDirectory, Name)).Trim(), UriKind.Absolute, out var root) && root.Scheme is "http" or "https" ? root : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No server has run on it.
            return null;
        }
    }
}
