using System.Runtime.InteropServices;
using System.Text;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Memory outside of the collector's, zeroed, given back as a whole: what a forked child reads must lie still and need nothing of the runtime.</summary>
internal sealed unsafe class NativeArena : IDisposable
{
    private readonly List<nint> _blocks = [];

    /// <summary>Room for some values.</summary>
    public T* Take<T>(int count)
        where T : unmanaged
    {
        var block = NativeMemory.AllocZeroed((nuint)Math.Max(count, 1), (nuint)sizeof(T));
        _blocks.Add((nint)block);
        return (T*)block;
    }

    /// <summary>A C string.</summary>
    public byte* Text(string text)
    {
        var bytes = Take<byte>(Encoding.UTF8.GetByteCount(text) + 1);
        _ = Encoding.UTF8.GetBytes(text, new Span<byte>(bytes, Encoding.UTF8.GetByteCount(text)));
        return bytes;
    }

    /// <summary>A null-terminated array of C strings.</summary>
    public byte** Texts(IReadOnlyList<string> texts)
    {
        var pointers = (byte**)Take<nint>(texts.Count + 1);
        for (var i = 0; i < texts.Count; i++)
        {
            pointers[i] = Text(texts[i]);
        }

        return pointers;
    }

    public byte* Bytes(ReadOnlySpan<byte> bytes)
    {
        var copy = Take<byte>(bytes.Length);
        bytes.CopyTo(new Span<byte>(copy, bytes.Length));
        return copy;
    }

    public void Dispose()
    {
        foreach (var block in _blocks)
        {
            NativeMemory.Free((void*)block);
        }

        _blocks.Clear();
    }
}
