using System.IO.Compression;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>How a layer's archive is packed for its transfer.</summary>
internal static class LayerPacking
{
    public const string None = "";
    public const string Gzip = "gzip";
    public const string Zstd = "zstd";

    /// <summary>Told from the first four bytes: media types lie now and then.</summary>
    public static string Of(ReadOnlySpan<byte> start) => start switch
    {
        [0x1F, 0x8B, ..] => Gzip,
        [0x28, 0xB5, 0x2F, 0xFD] => Zstd,
        _ => None,
    };

    /// <summary>The layer's media type.</summary>
    public static string MediaTypeOf(string packing) => packing == None ? ImageDocument.OciLayer : $"{ImageDocument.OciLayer}+{packing}";

    /// <summary>The archive in a transfer, which the result does not own.</summary>
    public static Stream Unpack(Stream packed)
    {
        var start = new byte[4];
        var count = packed.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        var whole = new PrefixedStream(start.AsMemory(0, count), packed);
        return Of(start.AsSpan(0, count)) switch
        {
            Gzip => new GZipStream(whole, CompressionMode.Decompress),
            Zstd => new ZstdSharp.DecompressionStream(whole, bufferSize: 128 * 1024),
            _ => whole,
        };
    }
}
