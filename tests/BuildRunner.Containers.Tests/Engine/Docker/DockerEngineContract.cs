using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>The engine <c>docker</c> keeps what every engine promises.</summary>
public abstract class DockerApiContract(EngineFixture fixture) : IsolationContract
{
    /// <inheritdoc/>
    protected override bool MapsOwners => false;

    /// <inheritdoc/>
    /// <remarks>An ordinary user has an engine without root's rights, and cgroups that nobody has handed to it.</remarks>
    protected override bool HasLimits => Environment.IsPrivilegedProcess;

    /// <inheritdoc/>
    /// <remarks>What an ordinary user gives to a step travels over its streams, and lies in memory of the container.</remarks>
    protected override bool LocksFiles => Environment.IsPrivilegedProcess;

    /// <inheritdoc/>
    /// <remarks>The engine gives a container the host's owner and mode.</remarks>
    protected override bool GivesDevicesToUsers => false;

    protected override IEngineHost CreateHost()
    {
        fixture.Required();
        return new Host(fixture, fixture.NewEngine(), TestFolder.Create());
    }

    private sealed record Host(EngineFixture Fixture, IContainerEngine Engine, TestFolder Folder) : IEngineHost
    {
        public ResolvedImage Image => Fixture.Image;

        public async Task<IReadOnlyList<string>> FindLeftOversAsync()
        {
            using var auditor = new EngineAuditor(Fixture.Service);
            return await auditor.FindingsAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await Engine.DisposeAsync();
            Folder.Dispose();
        }
    }
}

/// <summary>On a Docker Engine.</summary>
[Collection("docker")]
public sealed class DockerEngineContract(DockerEngineFixture docker) : DockerApiContract(docker)
{
    private const int SystemResource = 24;

    /// <inheritdoc/>
    /// <remarks>Docker asks for every right that there is; a virtual machine's root may lack the one to raise limits.</remarks>
    protected override bool CanBePrivileged { get; } = File.ReadLines("/proc/self/status")
        .Where(l => l.StartsWith("CapBnd:", StringComparison.Ordinal))
        .Any(l => (Convert.ToUInt64(l["CapBnd:".Length..].Trim(), 16) >> SystemResource & 1) == 1);
}

/// <summary>On Podman's service.</summary>
[Collection("podman")]
public sealed class PodmanEngineContract(PodmanEngineFixture podman) : DockerApiContract(podman);
