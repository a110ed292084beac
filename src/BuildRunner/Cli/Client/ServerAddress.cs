using System.Diagnostics.CodeAnalysis;

namespace BuildRunner.Cli.Client;

/// <summary>A server's address and the token for it.</summary>
/// <param name="Url">Ends with a slash.</param>
/// <param name="Token">The token; null: nobody is logged in.</param>
internal sealed record ServerAddress(Uri Url, string? Token)
{
    /// <summary>The variable that the token is from; null: a login.</summary>
    public string? TokenFrom { get; init; }

    /// <summary>Whether the token was typed just now, and was never known to be good.</summary>
    public bool TokenIsNew { get; init; }

    public const string ServerVariable = "BUILDRUNNER_SERVER";
    public const string TokenVariable = "BUILDRUNNER_TOKEN";
    public const string TokenFileVariable = "BUILDRUNNER_TOKEN_FILE";

    /// <summary>Decides: <c>--server</c>, then the environment, then the login in use. A token of the environment goes before one that was kept.</summary>
    /// <param name="flag">What <c>--server</c> said: a name or an address; null: nothing.</param>
    /// <param name="host">The process.</param>
    /// <exception cref="CliException">No server is named, or it is not known and not an address.</exception>
    public static ServerAddress Of(string? flag, CliHost host)
    {
        var known = KnownServers.Read(host);
        var named = flag ?? host.Environment.GetValueOrDefault(ServerVariable);
        var server = named is { Length: > 0 } ? known.Find(named) : known.Current;
        if (server is null && named is not { Length: > 0 })
        {
            throw new CliException(ExitCode.NotAllowed, $"no server is named: log in with 'buildrunner login URL', or set {ServerVariable} and {TokenVariable}");
        }

        return TryParse(server?.Url ?? named!, out var url)
            ? TokenOf(host) is var (token, from) ? new ServerAddress(url, token) { TokenFrom = from } : new ServerAddress(url, server?.Token)
            : throw new CliException(ExitCode.Usage, $"--server {named}: neither a login of 'buildrunner context ls' nor an address, as https://ci.example.org");
    }

    /// <summary>Whether a server is named at all.</summary>
    public static bool IsKnown(string? flag, CliHost host) =>
        flag is not null || host.Environment.GetValueOrDefault(ServerVariable) is { Length: > 0 } || KnownServers.Read(host).Current is not null;

    /// <summary>Reads an address: http or https, without user, query or fragment. The result ends with a slash.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Uri? url)
    {
        url = null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var read) || read.Scheme is not ("http" or "https") || read.UserInfo.Length > 0 || text.Any(char.IsWhiteSpace))
        {
            return false;
        }

        url = new Uri(read.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/");
        return true;
    }

    private static (string Token, string From)? TokenOf(CliHost host)
    {
        if (host.Environment.GetValueOrDefault(TokenVariable) is { Length: > 0 } token)
        {
            return (token.Trim(), TokenVariable);
        }

        if (host.Environment.GetValueOrDefault(TokenFileVariable) is not { Length: > 0 } file)
        {
            return null;
        }

        try
        {
            return (File.ReadAllText(Path.GetFullPath(file, host.Directory)).Trim(), TokenFileVariable);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"{TokenFileVariable}: {file} cannot be read: {FileTrouble.Of(e)}");
        }
    }
}
