namespace BuildRunner.Sandbox.Init;

/// <summary>What the standard streams of a command are.</summary>
/// <param name="Quiet">True: what it prints goes nowhere.</param>
/// <param name="Input">The descriptor that it reads from; -1: nothing can be read.</param>
/// <param name="Terminal">The path of the terminal that all three are; null: none.</param>
internal readonly record struct CommandStreams(bool Quiet, int Input, string? Terminal)
{
    /// <summary>Reads nothing, prints where this process does.</summary>
    public static CommandStreams Output { get; } = new(false, -1, null);

    /// <summary>Reads nothing, and what it prints goes nowhere.</summary>
    public static CommandStreams None { get; } = new(true, -1, null);
}
