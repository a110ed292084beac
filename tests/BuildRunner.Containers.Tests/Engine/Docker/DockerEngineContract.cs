using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>The engine <c>docker</c> keeps what every engine promises.</summary>
public abstract class DockerApiContract(EngineFixture fixture) : IsolationContract
{
    /// <inheritdoc/>
    protected override bool MapsOwners => false;

    protected override IEngineHost CreateHost()
    {
        fixture.Required();
        return new Host(fixture.NewEngine(), fixture.Image, TestFolder.Create());
    }

    private sealed record Host(IContainerEngine Engine, ResolvedImage Image, TestFolder Folder) : IEngineHost
    {
        public async ValueTask DisposeAsync()
        {
            await Engine.DisposeAsync();
            Folder.Dispose();
        }
    }
}

/// <summary>On a Docker Engine.</summary>
[Collection("docker")]
public sealed class DockerEngineContract(DockerEngineFixture docker) : DockerApiContract(docker);

/// <summary>On Podman's service.</summary>
[Collection("podman")]
public sealed class PodmanEngineContract(PodmanEngineFixture podman) : DockerApiContract(podman);
