using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Agent.Work;

/// <summary>Where secrets lie that must not outlive the machine's run.</summary>
internal static class VolatileFolder
{
    private const string Runtime = "/run/buildrunner";

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

            return DurableFile.MakeDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not root.
            return Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own && Directory.Exists(own)
                ? Path.Combine(own, "buildrunner", "agents", name)
                : Path.Combine(options.WorkDirectory, "volatile");
        }
    }
}
