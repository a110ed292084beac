using System.Buffers;

namespace BuildRunner.Core.Logs;

/// <summary>Hides secrets in one stream of bytes, also where they are cut between chunks. Not for several threads at once.</summary>
/// <remarks>Holds back only bytes that may belong to a secret whose end has not come yet.</remarks>
public sealed class MaskedStream
{
    private readonly Masker masker;
    private readonly List<(byte Value, bool Hidden)> held = [];
    private int state;
    private bool masking;

    internal MaskedStream(Masker masker) => this.masker = masker;

    /// <summary>Takes the next bytes and writes what is known to be safe.</summary>
    public void Add(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        while (!bytes.IsEmpty)
        {
            if (state == 0)
            {
                // Nothing is held back here.
                var start = masker.IndexOfStart(bytes);
                var plain = start < 0 ? bytes : bytes[..start];
                if (!plain.IsEmpty)
                {
                    masking = false;
                    output.Write(plain);
                    bytes = bytes[plain.Length..];
                    continue;
                }
            }

            Take(bytes[0], output);
            bytes = bytes[1..];
        }
    }

    /// <summary>Writes what was held back: the stream has ended.</summary>
    public void Flush(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        Emit(held.Count, output);
        state = 0;
        masking = false;
    }

    private void Take(byte value, IBufferWriter<byte> output)
    {
        held.Add((value, false));
        state = masker.Step(state, value);
        for (var i = held.Count - masker.Match(state); i < held.Count; i++)
        {
            held[i] = (held[i].Value, true);
        }

        Emit(held.Count - masker.Depth(state), output);
    }

    private void Emit(int count, IBufferWriter<byte> output)
    {
        for (var i = 0; i < count; i++)
        {
            if (!held[i].Hidden)
            {
                output.Write([held[i].Value]);
            }
            else if (!masking)
            {
                output.Write("********"u8);
            }

            masking = held[i].Hidden;
        }

        held.RemoveRange(0, count);
    }
}
