using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace BuildRunner.Sandbox.Wire;

/// <summary>Hides what a container wrote from whoever reads the disk on which it waits: ChaCha20 (RFC 8439), each record under a nonce of its own, which is where it lies.</summary>
/// <remarks>
/// Here and not of the framework, because a static native program has no library of ciphers to load. A spool under a key is only ever appended to, so no part of the key
/// stream is used twice. Whoever can change the file is its owner and could do anything; so there is no tag.
/// </remarks>
internal sealed class SpoolCipher
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 32;

    private const int Block = 64, BlocksAtOnce = 4;
    private readonly uint[] _state = new uint[Block / sizeof(uint)];
    private readonly byte[] _stream = new byte[BlocksAtOnce * Block];

    public SpoolCipher(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyLength)
        {
            throw new InvalidDataException("A key of a spool has an impossible length.");
        }

        "expand 32-byte k"u8.CopyTo(MemoryMarshal.AsBytes(_state.AsSpan(0, 4)));
        key.CopyTo(MemoryMarshal.AsBytes(_state.AsSpan(4, 8)));
    }

    /// <summary>The cipher of a key; null for an empty one.</summary>
    public static SpoolCipher? Of(byte[] key) => key.Length == 0 ? null : new SpoolCipher(key);

    /// <summary>Hides bytes, or shows them again.</summary>
    /// <param name="position">Where their record begins in the spool.</param>
    /// <param name="bytes">What comes after the record's header; changed in place.</param>
    public void Apply(long position, Span<byte> bytes)
    {
        Span<byte> nonce = stackalloc byte[12];
        BinaryPrimitives.WriteInt64LittleEndian(nonce[4..], position);
        Apply(nonce, 0, bytes, Avx2.IsSupported);
    }

    /// <summary>The cipher as RFC 8439 defines it.</summary>
    /// <param name="nonce">Twelve bytes.</param>
    /// <param name="counter">The number of the first block.</param>
    /// <param name="bytes">Changed in place.</param>
    /// <param name="wide">Whether the processor has AVX2.</param>
    internal void Apply(ReadOnlySpan<byte> nonce, uint counter, Span<byte> bytes, bool wide)
    {
        _state[12] = counter;
        nonce.CopyTo(MemoryMarshal.AsBytes(_state.AsSpan(13, 3)));
        while (bytes.Length > 0)
        {
            if (wide)
            {
                WideBlocks.Make(_state, _stream);
            }
            else
            {
                NarrowBlocks.Make(_state, _stream);
            }

            _state[12] += BlocksAtOnce;
            var count = Math.Min(bytes.Length, _stream.Length);
            Mix(bytes[..count], _stream);
            bytes = bytes[count..];
        }
    }

    private static void Mix(Span<byte> bytes, ReadOnlySpan<byte> stream)
    {
        var done = 0;
        ref var to = ref MemoryMarshal.GetReference(bytes);
        ref var from = ref MemoryMarshal.GetReference(stream);
        for (; done <= bytes.Length - Vector128<byte>.Count; done += Vector128<byte>.Count)
        {
            (Vector128.LoadUnsafe(ref to, (nuint)done) ^ Vector128.LoadUnsafe(ref from, (nuint)done)).StoreUnsafe(ref to, (nuint)done);
        }

        for (; done < bytes.Length; done++)
        {
            bytes[done] ^= stream[done];
        }
    }

    /// <summary>Four blocks of the key stream. Each register has one row of two blocks, and two pairs go side by side, so that the processor need not wait.</summary>
    private static class WideBlocks
    {
        private static Vector256<byte> Left16 => Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, (byte)13);

        private static Vector256<byte> Left8 => Vector256.Create(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, (byte)14);

        public static void Make(ReadOnlySpan<uint> state, Span<byte> stream)
        {
            var (r0, r1, r2, r3) = (Twice(state, 0), Twice(state, 4), Twice(state, 8), Twice(state, 12));
            var (low, high) = (Avx2.Add(r3, Vector256.Create(0u, 0, 0, 0, 1, 0, 0, 0)), Avx2.Add(r3, Vector256.Create(2u, 0, 0, 0, 3, 0, 0, 0)));
            var (a, b, c, d) = (r0, r1, r2, low);
            var (e, f, g, h) = (r0, r1, r2, high);
            for (var i = 0; i < 10; i++)
            {
                Quarter(ref a, ref b, ref c, ref d);
                Quarter(ref e, ref f, ref g, ref h);
                (b, c, d) = (Avx2.Shuffle(b, 0x39), Avx2.Shuffle(c, 0x4E), Avx2.Shuffle(d, 0x93));
                (f, g, h) = (Avx2.Shuffle(f, 0x39), Avx2.Shuffle(g, 0x4E), Avx2.Shuffle(h, 0x93));
                Quarter(ref a, ref b, ref c, ref d);
                Quarter(ref e, ref f, ref g, ref h);
                (b, c, d) = (Avx2.Shuffle(b, 0x93), Avx2.Shuffle(c, 0x4E), Avx2.Shuffle(d, 0x39));
                (f, g, h) = (Avx2.Shuffle(f, 0x93), Avx2.Shuffle(g, 0x4E), Avx2.Shuffle(h, 0x39));
            }

            Store(stream[..(2 * Block)], Avx2.Add(a, r0), Avx2.Add(b, r1), Avx2.Add(c, r2), Avx2.Add(d, low));
            Store(stream[(2 * Block)..], Avx2.Add(e, r0), Avx2.Add(f, r1), Avx2.Add(g, r2), Avx2.Add(h, high));
        }

        private static Vector256<uint> Twice(ReadOnlySpan<uint> state, int row)
        {
            var half = Vector128.Create(state[row..]);
            return Avx2.InsertVector128(half.ToVector256Unsafe(), half, 1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Quarter(ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d)
        {
            a = Avx2.Add(a, b);
            d = Avx2.Shuffle(Avx2.Xor(d, a).AsByte(), Left16).AsUInt32();
            c = Avx2.Add(c, d);
            b = Left(Avx2.Xor(b, c), 12, 20);
            a = Avx2.Add(a, b);
            d = Avx2.Shuffle(Avx2.Xor(d, a).AsByte(), Left8).AsUInt32();
            c = Avx2.Add(c, d);
            b = Left(Avx2.Xor(b, c), 7, 25);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<uint> Left(Vector256<uint> value, [ConstantExpected] byte left, [ConstantExpected] byte right) =>
            Avx2.Or(Avx2.ShiftLeftLogical(value, left), Avx2.ShiftRightLogical(value, right));

        private static void Store(Span<byte> two, Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d)
        {
            Avx2.Permute2x128(a, b, 0x20).AsByte().CopyTo(two);
            Avx2.Permute2x128(c, d, 0x20).AsByte().CopyTo(two[32..]);
            Avx2.Permute2x128(a, b, 0x31).AsByte().CopyTo(two[64..]);
            Avx2.Permute2x128(c, d, 0x31).AsByte().CopyTo(two[96..]);
        }
    }

    /// <summary>The same, one block after the other, for every processor.</summary>
    private static class NarrowBlocks
    {
        public static void Make(ReadOnlySpan<uint> state, Span<byte> stream)
        {
            var (r0, r1, r2, r3) = (Vector128.Create(state), Vector128.Create(state[4..]), Vector128.Create(state[8..]), Vector128.Create(state[12..]));
            for (; !stream.IsEmpty; stream = stream[Block..], r3 += Vector128.CreateScalar(1u))
            {
                var (a, b, c, d) = (r0, r1, r2, r3);
                for (var i = 0; i < 10; i++)
                {
                    Quarter(ref a, ref b, ref c, ref d);
                    (b, c, d) = (Vector128.Shuffle(b, Vector128.Create(1u, 2, 3, 0)), Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1)), Vector128.Shuffle(d, Vector128.Create(3u, 0, 1, 2)));
                    Quarter(ref a, ref b, ref c, ref d);
                    (b, c, d) = (Vector128.Shuffle(b, Vector128.Create(3u, 0, 1, 2)), Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1)), Vector128.Shuffle(d, Vector128.Create(1u, 2, 3, 0)));
                }

                (a + r0).AsByte().CopyTo(stream);
                (b + r1).AsByte().CopyTo(stream[16..]);
                (c + r2).AsByte().CopyTo(stream[32..]);
                (d + r3).AsByte().CopyTo(stream[48..]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Quarter(ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d)
        {
            a += b;
            d = Left(d ^ a, 16);
            c += d;
            b = Left(b ^ c, 12);
            a += b;
            d = Left(d ^ a, 8);
            c += d;
            b = Left(b ^ c, 7);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<uint> Left(Vector128<uint> value, int bits) => (value << bits) | (value >>> (32 - bits));
    }
}
