using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The embedded engine keeps what every engine promises where it makes containers itself, without an OCI runtime.</summary>
public sealed class DirectEngineContract : IsolationContract
{
    protected override IEngineHost CreateHost() => OciHost.Create(o => o.RuntimePath = "direct");
}
