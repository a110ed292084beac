using System.Threading.Channels;

namespace BuildRunner.Containers.Engine;

/// <summary>What a container's command reads, and whether it reads it from a terminal.</summary>
/// <param name="Events">What comes; the command's input stays open until <see cref="InputEvent.End"/>, or the end of the channel.</param>
/// <param name="Terminal">The size of the terminal that the command gets as its standard streams and controls; null: its standard input is a pipe.</param>
public sealed record ContainerInput(ChannelReader<InputEvent> Events, TerminalSize? Terminal);

/// <summary>The size of a terminal.</summary>
/// <param name="Columns">Characters in a line.</param>
/// <param name="Rows">Lines.</param>
public readonly record struct TerminalSize(int Columns, int Rows);

/// <summary>Something that the person at a container's input did. A closed hierarchy.</summary>
public abstract record InputEvent
{
    private InputEvent()
    {
    }

    /// <summary>Typed, or sent.</summary>
    /// <param name="Content">Not changed afterwards.</param>
    public sealed record Bytes(ReadOnlyMemory<byte> Content) : InputEvent;

    /// <summary>Changed the size of the terminal.</summary>
    /// <param name="Size">The new size.</param>
    public sealed record Resized(TerminalSize Size) : InputEvent;

    /// <summary>Nothing more comes: a pipe is closed, a terminal sends its end-of-file character.</summary>
    public sealed record End : InputEvent;
}
