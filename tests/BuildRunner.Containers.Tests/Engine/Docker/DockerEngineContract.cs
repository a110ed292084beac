using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>The engine docker keeps what every engine promises.</summary>
[Collection("docker")]
public sealed class DockerEngineContract(DockerEngineFixture docker) : EngineContract
{
    /// <inheritdoc/>
    protected override bool MapsOwners => false;

    protected override IEngineHost CreateHost()
    {
        docker.Required();
        return new Host(docker.NewEngine(), docker.Image, TestFolder.Create());
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
