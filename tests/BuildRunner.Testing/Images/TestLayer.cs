using System.IO.Compression;
using System.Security.Cryptography;
using BuildRunner.Containers.Images;

namespace BuildRunner.Testing.Images;

/// <summary>A layer as a registry stores it.</summary>
public sealed record TestLayer(byte[] Archive, byte[] Blob, string MediaType)
{
    public const string Plain = "application/vnd.oci.image.layer.v1.tar";
    public const string Gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    public const string Zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    public const string DockerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    /// <summary>The digest of what is transferred.</summary>
    public Digest Digest { get; init; } = Digest.FromHash(SHA256.HashData(Blob));

    /// <summary>The digest of the archive.</summary>
    public Digest DiffId { get; init; } = Digest.FromHash(SHA256.HashData(Archive));

    /// <summary>Packs an archive.</summary>
    public static TestLayer Of(byte[] archive, string mediaType = Gzip) => new(
        archive,
        mediaType switch
        {
            Plain => archive,
            Zstd => new ZstdSharp.Compressor().Wrap(archive).ToArray(),
            _ => Compress(archive),
        },
        mediaType);

    /// <summary>Writes an archive and packs it.</summary>
    public static TestLayer Of(Action<TestArchive> write, string mediaType = Gzip)
    {
        using var archive = new TestArchive();
        write(archive);
        return Of(archive.ToBytes(), mediaType);
    }

    private static byte[] Compress(byte[] archive)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(archive);
        }

        return packed.ToArray();
    }
}
