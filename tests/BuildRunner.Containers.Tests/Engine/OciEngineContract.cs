using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The embedded engine keeps what every engine promises.</summary>
public sealed class OciEngineContract : IsolationContract
{
    protected override IEngineHost CreateHost() => OciHost.Create();
}
