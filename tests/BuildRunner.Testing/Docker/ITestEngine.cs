namespace BuildRunner.Testing.Docker;

/// <summary>An engine of a test's own, with its own socket, data and network namespace. Never the host's.</summary>
public interface ITestEngine : IAsyncDisposable
{
    /// <summary>Its address, as <c>DOCKER_HOST</c> has it.</summary>
    string Host { get; }

    /// <summary>The process in whose network namespace containers' traffic goes out.</summary>
    int ProcessId { get; }
}
