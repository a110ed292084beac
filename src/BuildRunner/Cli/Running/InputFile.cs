using System.Text.Json;

namespace BuildRunner.Cli.Running;

/// <summary>Files that flags name.</summary>
internal static class InputFile
{
    private const int MaxJsonBytes = 25 * 1024 * 1024;

    /// <summary>The lines of a text file.</summary>
    /// <exception cref="CliException">It cannot be read.</exception>
    public static string[] ReadLines(string flag, string path) => Read(flag, path, File.ReadAllLines);

    /// <summary>A JSON object, as large as a forge may send one.</summary>
    /// <exception cref="CliException">It cannot be read, or is none.</exception>
    public static JsonElement ReadJson(string flag, string path)
    {
        var bytes = Read(flag, path, p => new FileInfo(p).Length <= MaxJsonBytes
            ? File.ReadAllBytes(p)
            : throw new CliException(ExitCode.Usage, $"{flag} {p}: the file has more than {MaxJsonBytes / (1024 * 1024)} MiB"));
        try
        {
            var root = JsonElement.Parse(bytes);
            return root.ValueKind == JsonValueKind.Object ? root : throw new CliException(ExitCode.Usage, $"{flag} {path}: this is JSON, but no object");
        }
        catch (JsonException problem)
        {
            throw new CliException(ExitCode.Usage, $"{flag} {path}: this is not JSON ({problem.Message})");
        }
    }

    private static T Read<T>(string flag, string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"{flag} {path}: {FileTrouble.Of(e)}");
        }
    }
}
