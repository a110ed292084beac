using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The embedded engine keeps what every engine promises.</summary>
public sealed class OciEngineContract : IsolationContract
{
    /// <inheritdoc/>
    protected override bool MapsOwners => RootlessUser.IsRootOfHost;

    /// <inheritdoc/>
    protected override bool HasLimits => RootlessUser.IsRootOfHost;

    /// <inheritdoc/>
    protected override bool GivesDevicesToUsers => RootlessUser.IsRootOfHost;

    protected override IEngineHost CreateHost() => OciHost.Create();
}
