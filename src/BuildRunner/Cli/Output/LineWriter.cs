using System.Buffers;
using System.Text;

namespace BuildRunner.Cli.Output;

/// <summary>Writes whole lines to a stream, each with one call, so that lines of several writers never mix. For one thread at a time.</summary>
/// <remarks>A reader that has gone away is not an error of the run: what it would have read is dropped.</remarks>
internal sealed class LineWriter(Stream stream)
{
    private readonly ArrayBufferWriter<byte> buffer = new(512);
    private bool broken;

    /// <summary>Adds text to the line.</summary>
    public LineWriter Add(string text)
    {
        Encoding.UTF8.GetBytes(text, buffer);
        return this;
    }

    /// <summary>Adds bytes to the line.</summary>
    public LineWriter Add(ReadOnlySpan<byte> bytes)
    {
        buffer.Write(bytes);
        return this;
    }

    /// <summary>Ends the line and writes it.</summary>
    public void EndLine()
    {
        buffer.Write("\n"u8);
        Flush();
    }

    /// <summary>Writes what was added.</summary>
    public void Flush()
    {
        try
        {
            if (!broken)
            {
                stream.Write(buffer.WrittenSpan);
                stream.Flush();
            }
        }
        catch (IOException)
        {
            // The reader of a pipe has ended, or the disk of a file is full; the run goes on.
            broken = true;
        }
        finally
        {
            buffer.ResetWrittenCount();
        }
    }
}
