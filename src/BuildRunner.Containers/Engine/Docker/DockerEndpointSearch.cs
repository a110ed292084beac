using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Finds the engine as the docker client does, and then looks where rootless engines and Podman listen.</summary>
/// <param name="environment">Reads a variable.</param>
/// <param name="exists">Whether there is a socket at a path.</param>
/// <param name="mayUse">Whether this process may connect to it.</param>
internal sealed class DockerEndpointSearch(Func<string, string?> environment, Func<string, bool> exists, Func<string, bool> mayUse)
{
    private const string DefaultSocket = "/var/run/docker.sock";

    /// <summary>The directory of the docker client's settings: <c>DOCKER_CONFIG</c>, else <c>~/.docker</c>.</summary>
    public string ConfigDirectory => Variable("DOCKER_CONFIG") ?? Path.Combine(Variable("HOME") ?? "/", ".docker");

    /// <summary>
    /// In this order: 1. what was configured here; 2. <c>DOCKER_HOST</c>; 3. <c>DOCKER_CONTEXT</c>; 4. the current context; 5. the usual sockets, first of those that this process may use.
    /// </summary>
    /// <param name="configured">An address of the settings; null for none.</param>
    /// <exception cref="ContainerException">What was said is no address or no context, or nothing was found.</exception>
    public DockerEndpoint Find(string? configured)
    {
        if (configured is not null)
        {
            return OfAddress(configured, "the setting Engine:Docker:Host");
        }

        if (Variable("DOCKER_HOST") is { } host)
        {
            return OfAddress(host, "DOCKER_HOST");
        }

        if (Variable("DOCKER_CONTEXT") is { } named)
        {
            return named == "default" ? OfSockets() : OfContext(named, "DOCKER_CONTEXT");
        }

        return CurrentContext() is { } current and not "default" ? OfContext(current, Path.Combine(ConfigDirectory, "config.json")) : OfSockets();
    }

    private DockerEndpoint OfAddress(string text, string foundBy)
    {
        var address = Parse(text, foundBy);
        var verify = Variable("DOCKER_TLS_VERIFY") is not null;
        return address.Scheme != "unix" && (verify || Variable("DOCKER_TLS") is not null)
            ? new DockerEndpoint(address, foundBy) { Tls = new DockerTls(Variable("DOCKER_CERT_PATH") ?? ConfigDirectory, verify) }
            : new DockerEndpoint(address, foundBy);
    }

    private DockerEndpoint OfContext(string name, string origin)
    {
        // The client names a context's directory by the hash of its name.
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        var file = Path.Combine(ConfigDirectory, "contexts", "meta", id, "meta.json");
        var foundBy = $"the context '{name}' of {origin}";
        using var meta = ReadJson(file) ?? throw Unusable($"{foundBy} is not there: {file} does not exist; 'docker context ls' shows which are");
        if (!meta.RootElement.TryGetProperty("Endpoints", out var endpoints)
            || !endpoints.TryGetProperty("docker", out var docker)
            || !docker.TryGetProperty("Host", out var host)
            || host.GetString() is not { } text)
        {
            throw Unusable($"{foundBy} names no docker endpoint: {file}");
        }

        var certificates = Path.Combine(ConfigDirectory, "contexts", "tls", id, "docker");
        var skip = docker.TryGetProperty("SkipTLSVerify", out var flag) && flag.ValueKind == JsonValueKind.True;
        var address = Parse(text, foundBy);
        return address.Scheme != "unix" && (skip || Directory.Exists(certificates))
            ? new DockerEndpoint(address, foundBy) { Tls = new DockerTls(certificates, !skip) }
            : new DockerEndpoint(address, foundBy);
    }

    private DockerEndpoint OfSockets()
    {
        string[] usual = Variable("XDG_RUNTIME_DIR") is { } runtime
            ? [DefaultSocket, $"{runtime}/docker.sock", "/run/podman/podman.sock", $"{runtime}/podman/podman.sock"]
            : [DefaultSocket, "/run/podman/podman.sock"];
        // Beside the system's engine, which is root's, an ordinary user may have one of their own.
        var found = usual.FirstOrDefault(path => exists(path) && mayUse(path)) ?? usual.FirstOrDefault(exists) ?? throw Unusable(
            $"no Docker or Podman engine was found: there is no socket at {string.Join(", ", usual)}; start one, or set DOCKER_HOST");
        return new DockerEndpoint(new Uri($"unix://{found}"), "the usual place");
    }

    private string? CurrentContext()
    {
        using var config = ReadJson(Path.Combine(ConfigDirectory, "config.json"));
        return config is not null && config.RootElement.TryGetProperty("currentContext", out var context) && context.GetString() is { Length: > 0 } name
            ? name
            : null;
    }

    private static JsonDocument? ReadJson(string file)
    {
        try
        {
            return File.Exists(file) ? JsonDocument.Parse(File.ReadAllBytes(file)) : null;
        }
        catch (Exception problem) when (problem is JsonException or IOException or UnauthorizedAccessException)
        {
            throw Unusable($"{file} cannot be read: {problem.Message}");
        }
    }

    private static Uri Parse(string text, string foundBy)
    {
        if (text.StartsWith("ssh://", StringComparison.Ordinal))
        {
            throw Unusable($"{foundBy} is {text}, and BuildRunner does not speak ssh; forward the socket (ssh -L /tmp/docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix:///tmp/docker.sock");
        }

        return Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "unix" or "tcp" or "http" or "https"
            ? address!
            : throw Unusable($"{foundBy} is '{text}', which is no address of an engine: unix:///PATH or tcp://HOST:PORT");
    }

    private static ContainerException Unusable(string message) => new(ContainerFailure.EngineUnavailable, message);

    private string? Variable(string name) => environment(name) is { Length: > 0 } value ? value : null;
}
