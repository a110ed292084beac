using System.Text;
using System.Text.Json;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Registry;

/// <summary>Looks credentials up where Podman and Docker keep them. Never writes anything.</summary>
/// <remarks>
/// <para>Files, the first that knows the registry wins: <c>$REGISTRY_AUTH_FILE</c>; <c>$XDG_RUNTIME_DIR/containers/auth.json</c> (root without one:
/// <c>/run/containers/0/auth.json</c>); <c>$XDG_CONFIG_HOME/containers/auth.json</c>; <c>$DOCKER_CONFIG/config.json</c> or <c>~/.docker/config.json</c>.</para>
/// <para>Within a file: the helper of the registry, then its own entry, the most specific path first, then the helper for all registries.</para>
/// </remarks>
internal sealed class CredentialFiles(RegistryOptions options)
{
    // The name under which Docker keeps the credentials of its own registry.
    private const string DockerHubKey = "https://index.docker.io/v1/";

    /// <summary>What went wrong in looking, to be shown if the registry then wants credentials.</summary>
    public string? Problem { get; private set; }

    /// <summary>The credentials for a repository; null if there are none.</summary>
    public async Task<RegistryCredentials?> FindAsync(string registry, string repository, CancellationToken cancellationToken)
    {
        foreach (var path in options.UseCredentialFiles ? Paths() : [])
        {
            if (Read(path) is { } file && await FindInAsync(file, path, registry, repository, cancellationToken).ConfigureAwait(false) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private IEnumerable<string> Paths()
    {
        if (options.CredentialFile is { } only)
        {
            return [only];
        }

        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string?[] paths =
        [
            Variable("REGISTRY_AUTH_FILE"),
            Variable("XDG_RUNTIME_DIR") is { } user ? Path.Combine(user, "containers", "auth.json") : $"/run/containers/{Storage.Libc.EffectiveUser()}/auth.json",
            Path.Combine(Variable("XDG_CONFIG_HOME") ?? Path.Combine(home, ".config"), "containers", "auth.json"),
            Path.Combine(Variable("DOCKER_CONFIG") ?? Path.Combine(home, ".docker"), "config.json"),
        ];
        return paths.OfType<string>();
    }

    private CredentialFileJson? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), RegistryJson.Default.CredentialFileJson) : null;
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            Problem = $"the credential file {path} cannot be read: {exception.Message}";
            return null;
        }
    }

    private async Task<RegistryCredentials?> FindInAsync(
        CredentialFileJson file, string path, string registry, string repository, CancellationToken cancellationToken)
    {
        if (file.CredHelpers is { } helpers && helpers.FirstOrDefault(h => HostOf(h.Key) == registry).Value is { } own)
        {
            return await AskAsync(own, path, registry, cancellationToken).ConfigureAwait(false);
        }

        foreach (var key in KeysOf(registry, repository))
        {
            var entry = file.Auths?.FirstOrDefault(a => a.Value is not null && Normalize(a.Key) == key).Value;
            if (entry is not null && ToCredentials(entry, path) is { } found)
            {
                return found;
            }
        }

        return file.CredsStore is { Length: > 0 } store ? await AskAsync(store, path, registry, cancellationToken).ConfigureAwait(false) : null;
    }

    private async Task<RegistryCredentials?> AskAsync(string helper, string path, string registry, CancellationToken cancellationToken)
    {
        if (!options.UseCredentialHelpers)
        {
            Problem = $"{path} names the credential helper '{helper}', which the settings do not allow to be used";
            return null;
        }

        var server = registry == ImageReference.DefaultRegistry ? DockerHubKey : registry;
        var answer = await CredentialHelper.GetAsync(helper, server, cancellationToken).ConfigureAwait(false);
        Problem = answer.Problem ?? Problem;
        return answer.Credentials;
    }

    // host/a/b, host/a, host.
    private static IEnumerable<string> KeysOf(string registry, string repository)
    {
        for (var key = $"{registry}/{repository}"; ; key = key[..key.LastIndexOf('/')])
        {
            yield return key;
            if (!key.Contains('/'))
            {
                yield break;
            }
        }
    }

    // Docker writes addresses where Podman writes hosts and paths.
    private static string Normalize(string key)
    {
        if (key.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0)
        {
            return HostOf(key[(scheme + 3)..]);
        }

        var slash = key.IndexOf('/');
        return slash < 0 ? HostOf(key) : HostOf(key[..slash]) + key[slash..].TrimEnd('/');
    }

    private static string HostOf(string key)
    {
        var text = key.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? key[(scheme + 3)..] : key;
        var host = text.IndexOf('/') is var slash and >= 0 ? text[..slash] : text;
        return host is "index.docker.io" or "registry-1.docker.io" ? ImageReference.DefaultRegistry : host;
    }

    private static RegistryCredentials? ToCredentials(AuthJson entry, string path)
    {
        if (!string.IsNullOrEmpty(entry.IdentityToken))
        {
            return new RegistryCredentials(null, entry.IdentityToken) { Origin = path };
        }

        var (user, password) = (entry.Username, entry.Password);
        if (!string.IsNullOrEmpty(entry.Auth))
        {
            var bytes = new byte[entry.Auth.Length];
            if (!Convert.TryFromBase64String(entry.Auth, bytes, out var count))
            {
                return null;
            }

            var text = Encoding.UTF8.GetString(bytes, 0, count).TrimEnd('\0');
            var colon = text.IndexOf(':');
            (user, password) = colon > 0 ? (text[..colon], text[(colon + 1)..]) : (null, null);
        }

        return string.IsNullOrEmpty(user) || password is null ? null : new RegistryCredentials(user, password) { Origin = path };
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
