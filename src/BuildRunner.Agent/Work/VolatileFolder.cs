using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Agent.Work;

/// <summary>Where secrets lie that must not outlive the machine's run.</summary>
internal static class VolatileFolder
{
    private const string Runtime = "/run/buildrunner", NoteSuffix = ".of";

    /// <summary>The folder: as the options say, else below <c>/run</c>, else in the user's own folder there (<c>XDG_RUNTIME_DIR</c>), else in the working directory.</summary>
    public static string Of(AgentHostOptions options)
    {
        if (options.VolatileDirectory is { } named)
        {
            return named;
        }

        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(options.WorkDirectory)))[..16];
        var path = Path.Combine(Runtime, "agents", name);
        try
        {
            // The engine's folder too: whoever comes first makes it, for all to pass through.
            if (!Directory.Exists(Runtime))
            {
                Directory.CreateDirectory(Runtime, (UnixFileMode)0b111_001_001);
            }

            DurableFile.MakeDirectory(path);
            RemoveForsaken(Path.GetDirectoryName(path)!, path, options.WorkDirectory);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not root.
            return Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own && Directory.Exists(own)
                ? Path.Combine(own, "buildrunner", "agents", name)
                : Path.Combine(options.WorkDirectory, "volatile");
        }
    }

    /// <summary>Notes whose folder this is, and removes those of agents whose working directory is gone: nobody comes back for them.</summary>
    /// <remarks>A folder without a note stays: it is of a version that left none, whose agent may be at work.</remarks>
    internal static void RemoveForsaken(string all, string own, string workDirectory)
    {
        File.WriteAllText(own + NoteSuffix, workDirectory);
        foreach (var note in Directory.EnumerateFiles(all, "*" + NoteSuffix))
        {
            try
            {
                if (!Directory.Exists(File.ReadAllText(note)) && note != own + NoteSuffix)
                {
                    var folder = note[..^NoteSuffix.Length];
                    if (Directory.Exists(folder))
                    {
                        Directory.Delete(folder, recursive: true);
                    }

                    File.Delete(note);
                }
            }
            catch (IOException)
            {
                // Another agent of this machine is at it too.
            }
        }
    }
}
