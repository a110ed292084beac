using System.Text.Json;
using System.Text.Json.Serialization;
using BuildRunner.Core.Files;

namespace BuildRunner.Cli.Client;

/// <summary>The servers that this user has logged in to, in a file that only the user reads.</summary>
internal sealed class KnownServers
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string path;
    private ServerFile content;

    private KnownServers(string path, ServerFile content)
    {
        this.path = path;
        this.content = content;
    }

    /// <summary>Where it is kept.</summary>
    public string Path => path;

    /// <summary>All of them, in the order of their names.</summary>
    public IReadOnlyList<KnownServer> All => content.Servers;

    /// <summary>The one that is used when none is named; null: none.</summary>
    public KnownServer? Current => content.Servers.FirstOrDefault(s => s.Name == content.Current);

    /// <summary>Reads the file; there need not be one.</summary>
    /// <exception cref="CliException">It cannot be read, or is not of its form.</exception>
    public static KnownServers Read(CliHost host)
    {
        var path = System.IO.Path.Combine(FolderOf(host.Environment), "servers.json");
        try
        {
            var content = File.Exists(path)
                ? JsonSerializer.Deserialize(File.ReadAllBytes(path), KnownServersJson.Default.ServerFile)
                : null;
            return new KnownServers(path, content ?? new ServerFile());
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"{path} cannot be read: {e.Message} Correct it, or remove it and log in again");
        }
    }

    /// <summary>The server of that name, or with that address; null: none.</summary>
    public KnownServer? Find(string nameOrUrl) =>
        content.Servers.FirstOrDefault(s => s.Name == nameOrUrl)
        ?? content.Servers.FirstOrDefault(s => ServerAddress.TryParse(nameOrUrl, out var url) && s.Url == url.ToString());

    /// <summary>Adds or replaces one, and makes it the current one.</summary>
    public void Keep(KnownServer server)
    {
        var others = content.Servers.Where(s => s.Name != server.Name);
        Write(new ServerFile { Current = server.Name, Servers = [.. others.Append(server).OrderBy(s => s.Name, StringComparer.Ordinal)] });
    }

    /// <summary>Makes another one the current one.</summary>
    public void Use(KnownServer server) => Write(content with { Current = server.Name });

    /// <summary>Forgets one.</summary>
    public void Forget(KnownServer server)
    {
        var rest = content.Servers.Where(s => s.Name != server.Name).ToList();
        Write(new ServerFile { Current = content.Current == server.Name ? rest.FirstOrDefault()?.Name : content.Current, Servers = rest });
    }

    // A new file beside it, with its mode from the beginning: nobody else reads a token, and a full disk loses nothing.
    private void Write(ServerFile changed)
    {
        var fresh = $"{path}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!, OwnerOnly | UnixFileMode.UserExecute);
            File.Delete(fresh);
            using (var file = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
            {
                JsonSerializer.Serialize(file, changed, KnownServersJson.Default.ServerFile);
            }

            File.Move(fresh, path, overwrite: true);
            content = changed;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(fresh))
            {
                File.Delete(fresh);
            }

            throw new CliException(ExitCode.Error, $"the login cannot be kept in {path}: {PathTrouble.OfFile(path, e)}");
        }
    }

    private static string FolderOf(IReadOnlyDictionary<string, string> environment) =>
        environment.GetValueOrDefault("XDG_CONFIG_HOME") is { Length: > 0 } config && System.IO.Path.IsPathRooted(config)
            ? System.IO.Path.Combine(config, "buildrunner")
            : System.IO.Path.Combine(environment.GetValueOrDefault("HOME", "/"), ".config", "buildrunner");
}

/// <summary>A server and the token for it.</summary>
/// <param name="Name">As <c>--server</c> takes it.</param>
/// <param name="Url">Its address.</param>
/// <param name="Token">The token.</param>
/// <param name="User">As whom.</param>
internal sealed record KnownServer(string Name, string Url, string Token, string User);

/// <summary>The file.</summary>
internal sealed record ServerFile
{
    public string? Current { get; init; }

    public IReadOnlyList<KnownServer> Servers { get; init; } = [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ServerFile))]
internal sealed partial class KnownServersJson : JsonSerializerContext;
