using System.Security.Cryptography;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>The engine is found as the docker client finds it.</summary>
public sealed class Finding_the_engine : IDisposable
{
    private readonly TestFolder home = TestFolder.Create();
    private readonly Dictionary<string, string> variables = [];
    private readonly HashSet<string> closed = [];

    public Finding_the_engine() => variables["DOCKER_CONFIG"] = home.Path;

    public void Dispose() => home.Dispose();

    [Fact]
    public void What_was_configured_comes_before_everything()
    {
        variables["DOCKER_HOST"] = "unix:///other.sock";
        Assert.Equal("unix:///mine.sock", Find("unix:///mine.sock").Address.OriginalString);
    }

    [Fact]
    public void Docker_host_comes_before_a_context()
    {
        WriteContext("far", """{ "Host": "tcp://far:2376" }""");
        (variables["DOCKER_HOST"], variables["DOCKER_CONTEXT"]) = ("tcp://127.0.0.1:2375", "far");
        var found = Find();
        Assert.Equal(("tcp://127.0.0.1:2375", "DOCKER_HOST"), (found.Address.OriginalString, found.FoundBy));
        Assert.Null(found.Tls);
    }

    [Theory]
    [InlineData("DOCKER_TLS_VERIFY", true)]
    [InlineData("DOCKER_TLS", false)]
    public void Certificates_are_where_the_client_keeps_them(string variable, bool verify)
    {
        (variables["DOCKER_HOST"], variables[variable]) = ("tcp://far:2376", "1");
        Assert.Equal(new DockerTls(home.Path, verify), Find().Tls);
        variables["DOCKER_CERT_PATH"] = "/certificates";
        Assert.Equal(new DockerTls("/certificates", verify), Find().Tls);
    }

    [Fact]
    public void The_current_context_is_used_with_its_certificates()
    {
        WriteContext("far", """{ "Host": "tcp://far:2376" }""", hasCertificates: true);
        File.WriteAllText(home["config.json"], """{ "currentContext": "far" }""");
        var found = Find();
        Assert.Equal("tcp://far:2376", found.Address.OriginalString);
        Assert.True(found.Tls is { Verify: true } tls && tls.Directory.StartsWith(home.Path, StringComparison.Ordinal));
        variables["DOCKER_CONTEXT"] = "default";
        Assert.Equal("unix:///var/run/docker.sock", Find(null, "/var/run/docker.sock").Address.OriginalString);
    }

    [Fact]
    public void A_context_that_is_not_there_is_named()
    {
        variables["DOCKER_CONTEXT"] = "lost";
        Assert.Contains("'lost'", Assert.Throws<ContainerException>(() => Find()).Message);
    }

    [Theory]
    [InlineData("/run/user/1000/docker.sock")]
    [InlineData("/run/podman/podman.sock")]
    [InlineData("/run/user/1000/podman/podman.sock")]
    public void Sockets_of_rootless_engines_and_of_Podman_are_found(string socket)
    {
        variables["XDG_RUNTIME_DIR"] = "/run/user/1000";
        Assert.Equal($"unix://{socket}", Find(null, socket).Address.OriginalString);
    }

    [Fact]
    public void An_engine_that_is_closed_to_this_user_does_not_hide_their_own()
    {
        variables["XDG_RUNTIME_DIR"] = "/run/user/1000";
        closed.Add("/var/run/docker.sock");
        Assert.Equal("unix:///run/user/1000/podman/podman.sock", Find(null, "/var/run/docker.sock", "/run/user/1000/podman/podman.sock").Address.OriginalString);
        Assert.Equal("unix:///var/run/docker.sock", Find(null, "/var/run/docker.sock").Address.OriginalString);
    }

    [Theory]
    [InlineData("ssh://somebody@far", "ssh -L")]
    [InlineData("far:2376", "unix:///PATH")]
    public void An_address_that_cannot_be_spoken_to_is_refused_with_what_to_do(string address, string remedy)
    {
        variables["DOCKER_HOST"] = address;
        Assert.Contains(remedy, Assert.Throws<ContainerException>(() => Find()).Message);
    }

    [Fact]
    public void Where_nothing_is_all_places_are_named()
    {
        var message = Assert.Throws<ContainerException>(() => Find()).Message;
        Assert.Contains("/var/run/docker.sock, /run/podman/podman.sock", message);
        Assert.Contains("DOCKER_HOST", message);
    }

    private DockerEndpoint Find(string? configured = null, params string[] sockets) => new DockerEndpointSearch(variables.GetValueOrDefault, sockets.Contains, path => !closed.Contains(path)).Find(configured);

    private void WriteContext(string name, string endpoint, bool hasCertificates = false)
    {
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        Directory.CreateDirectory(home[$"contexts/meta/{id}"]);
        File.WriteAllText(home[$"contexts/meta/{id}/meta.json"], $$"""{ "Name": "{{name}}", "Endpoints": { "docker": {{endpoint}} } }""");
        if (hasCertificates)
        {
            Directory.CreateDirectory(home[$"contexts/tls/{id}/docker"]);
        }
    }
}
