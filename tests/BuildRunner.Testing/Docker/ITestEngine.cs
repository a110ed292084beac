namespace BuildRunner.Testing.Docker;

/// <summary>An engine of a test's own, with its own socket, data and network namespace. Never the host's.</summary>
public interface ITestEngine : IAsyncDisposable
{
    /// <summary>The port of its loopback interface at which it may speak to a registry without TLS; see <see cref="LoopbackBridge.OutOf"/>.</summary>
    const int RegistryPort = 5000;

    /// <summary>Its address, as <c>DOCKER_HOST</c> has it.</summary>
    string Host { get; }

    /// <summary>Its socket, a path of this host; also of one that is reached in another way.</summary>
    string Socket { get; }

    /// <summary>The process in whose network namespace containers' traffic goes out.</summary>
    int ProcessId { get; }
}
