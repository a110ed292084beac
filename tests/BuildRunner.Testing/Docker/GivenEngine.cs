namespace BuildRunner.Testing.Docker;

/// <summary>An engine that runs already, and is not the test's to end: a rootless one of whoever runs the tests, for example.</summary>
/// <param name="socket">Its socket.</param>
public sealed class GivenEngine(string socket) : ITestEngine
{
    /// <inheritdoc/>
    public string Host => $"unix://{Socket}";

    /// <inheritdoc/>
    public string Socket => socket;

    /// <inheritdoc/>
    /// <remarks>Not known: tests that need to get at its network cannot be run on it.</remarks>
    public int ProcessId => throw new NotSupportedException("an engine that was given cannot be reached from beside");

    /// <summary>The engine whose socket a variable names; null if it is not set.</summary>
    public static GivenEngine? OfVariable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } path ? new GivenEngine(path) : null;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
