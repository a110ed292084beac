using BuildRunner.Containers.Engine.Oci;
using Docker.DotNet;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>An engine that was found, and how to talk to it.</summary>
internal sealed record DockerConnection(DockerEndpoint Endpoint, DockerClient Client, DockerEngineOptions Options, TimeProvider Time)
{
    private readonly Lazy<string> sandbox = new(() => SandboxPath.Find(Options.SandboxProgram));

    /// <summary>Our helper on this host.</summary>
    public string SandboxProgram => sandbox.Value;

    /// <summary>Makes a call and turns its failures into ours.</summary>
    public Task<T> CallAsync<T>(string what, Func<DockerClient, Task<T>> call) => Endpoint.CallAsync(what, () => call(Client));

    /// <inheritdoc cref="CallAsync{T}"/>
    public Task CallAsync(string what, Func<DockerClient, Task> call) => Endpoint.CallAsync(what, () => call(Client));
}
