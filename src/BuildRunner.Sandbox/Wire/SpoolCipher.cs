using System.Buffers.Binary;
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

    private const int Block = 64, WideAtOnce = 8, NarrowAtOnce = 4;
    private readonly uint[] _state = new uint[Block / sizeof(uint)];
    private readonly byte[] _stream = new byte[WideAtOnce * Block];

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
        var stream = _stream.AsSpan(0, (wide ? WideAtOnce : NarrowAtOnce) * Block);
        while (bytes.Length > 0)
        {
            if (wide)
            {
                WideBlocks.Make(_state, stream);
            }
            else
            {
                NarrowBlocks.Make(_state, stream);
            }

            _state[12] += (uint)(stream.Length / Block);
            var count = Math.Min(bytes.Length, stream.Length);
            Mix(bytes[..count], stream);
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

    /// <summary>Eight blocks of the key stream. Each register has one word of all of them.</summary>
    private static class WideBlocks
    {
        private static Vector256<byte> Left16 => Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, (byte)13);

        private static Vector256<byte> Left8 => Vector256.Create(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, (byte)14);

        public static void Make(ReadOnlySpan<uint> state, Span<byte> stream)
        {
            var counters = Vector256.Create(state[12]) + Vector256.Create(0u, 1, 2, 3, 4, 5, 6, 7);
            var (a, b, c, d) = (All(state, 0), All(state, 1), All(state, 2), All(state, 3));
            var (e, f, g, h) = (All(state, 4), All(state, 5), All(state, 6), All(state, 7));
            var (i, j, k, l) = (All(state, 8), All(state, 9), All(state, 10), All(state, 11));
            var (m, n, o, p) = (counters, All(state, 13), All(state, 14), All(state, 15));
            // Four quarters at a time, written out: behind references the compiler keeps nothing in registers, and it takes four times as long.
            var (left16, left8) = (Left16, Left8);
            for (var round = 0; round < 10; round++)
            {
                a = Avx2.Add(a, e);
                b = Avx2.Add(b, f);
                c = Avx2.Add(c, g);
                d = Avx2.Add(d, h);
                m = Avx2.Shuffle(Avx2.Xor(m, a).AsByte(), left16).AsUInt32();
                n = Avx2.Shuffle(Avx2.Xor(n, b).AsByte(), left16).AsUInt32();
                o = Avx2.Shuffle(Avx2.Xor(o, c).AsByte(), left16).AsUInt32();
                p = Avx2.Shuffle(Avx2.Xor(p, d).AsByte(), left16).AsUInt32();
                i = Avx2.Add(i, m);
                j = Avx2.Add(j, n);
                k = Avx2.Add(k, o);
                l = Avx2.Add(l, p);
                e = Avx2.Xor(e, i);
                e = Avx2.Or(Avx2.ShiftLeftLogical(e, 12), Avx2.ShiftRightLogical(e, 20));
                f = Avx2.Xor(f, j);
                f = Avx2.Or(Avx2.ShiftLeftLogical(f, 12), Avx2.ShiftRightLogical(f, 20));
                g = Avx2.Xor(g, k);
                g = Avx2.Or(Avx2.ShiftLeftLogical(g, 12), Avx2.ShiftRightLogical(g, 20));
                h = Avx2.Xor(h, l);
                h = Avx2.Or(Avx2.ShiftLeftLogical(h, 12), Avx2.ShiftRightLogical(h, 20));
                a = Avx2.Add(a, e);
                b = Avx2.Add(b, f);
                c = Avx2.Add(c, g);
                d = Avx2.Add(d, h);
                m = Avx2.Shuffle(Avx2.Xor(m, a).AsByte(), left8).AsUInt32();
                n = Avx2.Shuffle(Avx2.Xor(n, b).AsByte(), left8).AsUInt32();
                o = Avx2.Shuffle(Avx2.Xor(o, c).AsByte(), left8).AsUInt32();
                p = Avx2.Shuffle(Avx2.Xor(p, d).AsByte(), left8).AsUInt32();
                i = Avx2.Add(i, m);
                j = Avx2.Add(j, n);
                k = Avx2.Add(k, o);
                l = Avx2.Add(l, p);
                e = Avx2.Xor(e, i);
                e = Avx2.Or(Avx2.ShiftLeftLogical(e, 7), Avx2.ShiftRightLogical(e, 25));
                f = Avx2.Xor(f, j);
                f = Avx2.Or(Avx2.ShiftLeftLogical(f, 7), Avx2.ShiftRightLogical(f, 25));
                g = Avx2.Xor(g, k);
                g = Avx2.Or(Avx2.ShiftLeftLogical(g, 7), Avx2.ShiftRightLogical(g, 25));
                h = Avx2.Xor(h, l);
                h = Avx2.Or(Avx2.ShiftLeftLogical(h, 7), Avx2.ShiftRightLogical(h, 25));

                a = Avx2.Add(a, f);
                b = Avx2.Add(b, g);
                c = Avx2.Add(c, h);
                d = Avx2.Add(d, e);
                p = Avx2.Shuffle(Avx2.Xor(p, a).AsByte(), left16).AsUInt32();
                m = Avx2.Shuffle(Avx2.Xor(m, b).AsByte(), left16).AsUInt32();
                n = Avx2.Shuffle(Avx2.Xor(n, c).AsByte(), left16).AsUInt32();
                o = Avx2.Shuffle(Avx2.Xor(o, d).AsByte(), left16).AsUInt32();
                k = Avx2.Add(k, p);
                l = Avx2.Add(l, m);
                i = Avx2.Add(i, n);
                j = Avx2.Add(j, o);
                f = Avx2.Xor(f, k);
                f = Avx2.Or(Avx2.ShiftLeftLogical(f, 12), Avx2.ShiftRightLogical(f, 20));
                g = Avx2.Xor(g, l);
                g = Avx2.Or(Avx2.ShiftLeftLogical(g, 12), Avx2.ShiftRightLogical(g, 20));
                h = Avx2.Xor(h, i);
                h = Avx2.Or(Avx2.ShiftLeftLogical(h, 12), Avx2.ShiftRightLogical(h, 20));
                e = Avx2.Xor(e, j);
                e = Avx2.Or(Avx2.ShiftLeftLogical(e, 12), Avx2.ShiftRightLogical(e, 20));
                a = Avx2.Add(a, f);
                b = Avx2.Add(b, g);
                c = Avx2.Add(c, h);
                d = Avx2.Add(d, e);
                p = Avx2.Shuffle(Avx2.Xor(p, a).AsByte(), left8).AsUInt32();
                m = Avx2.Shuffle(Avx2.Xor(m, b).AsByte(), left8).AsUInt32();
                n = Avx2.Shuffle(Avx2.Xor(n, c).AsByte(), left8).AsUInt32();
                o = Avx2.Shuffle(Avx2.Xor(o, d).AsByte(), left8).AsUInt32();
                k = Avx2.Add(k, p);
                l = Avx2.Add(l, m);
                i = Avx2.Add(i, n);
                j = Avx2.Add(j, o);
                f = Avx2.Xor(f, k);
                f = Avx2.Or(Avx2.ShiftLeftLogical(f, 7), Avx2.ShiftRightLogical(f, 25));
                g = Avx2.Xor(g, l);
                g = Avx2.Or(Avx2.ShiftLeftLogical(g, 7), Avx2.ShiftRightLogical(g, 25));
                h = Avx2.Xor(h, i);
                h = Avx2.Or(Avx2.ShiftLeftLogical(h, 7), Avx2.ShiftRightLogical(h, 25));
                e = Avx2.Xor(e, j);
                e = Avx2.Or(Avx2.ShiftLeftLogical(e, 7), Avx2.ShiftRightLogical(e, 25));
            }

            Store(stream, a + All(state, 0), b + All(state, 1), c + All(state, 2), d + All(state, 3), e + All(state, 4), f + All(state, 5), g + All(state, 6), h + All(state, 7));
            Store(stream[32..], i + All(state, 8), j + All(state, 9), k + All(state, 10), l + All(state, 11), m + counters, n + All(state, 13), o + All(state, 14), p + All(state, 15));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<uint> All(ReadOnlySpan<uint> state, int word) => Vector256.Create(state[word]);

        // Eight words of eight blocks, turned round: each block's go where they belong in it.
        private static void Store(Span<byte> eight, Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d, Vector256<uint> e, Vector256<uint> f, Vector256<uint> g, Vector256<uint> h)
        {
            Turn(ref a, ref b, ref c, ref d);
            Turn(ref e, ref f, ref g, ref h);
            Put(eight, 0, a, e);
            Put(eight, 1, b, f);
            Put(eight, 2, c, g);
            Put(eight, 3, d, h);
        }

        // Four words of four blocks and, in the upper halves, of the four after them.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Turn(ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d)
        {
            var (ab, cd) = (Avx2.UnpackLow(a, b).AsUInt64(), Avx2.UnpackLow(c, d).AsUInt64());
            var (upperAb, upperCd) = (Avx2.UnpackHigh(a, b).AsUInt64(), Avx2.UnpackHigh(c, d).AsUInt64());
            (a, b) = (Avx2.UnpackLow(ab, cd).AsUInt32(), Avx2.UnpackHigh(ab, cd).AsUInt32());
            (c, d) = (Avx2.UnpackLow(upperAb, upperCd).AsUInt32(), Avx2.UnpackHigh(upperAb, upperCd).AsUInt32());
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Put(Span<byte> eight, int block, Vector256<uint> first, Vector256<uint> second)
        {
            Avx2.Permute2x128(first, second, 0x20).AsByte().CopyTo(eight[(block * Block)..]);
            Avx2.Permute2x128(first, second, 0x31).AsByte().CopyTo(eight[((block + 4) * Block)..]);
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
