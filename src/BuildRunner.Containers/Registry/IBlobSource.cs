using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Registry;

/// <summary>Something that blobs can be read from: a repository of a registry, a layout in a folder, an archive.</summary>
internal interface IBlobSource
{
    /// <summary>The name to remember as where a blob came from: <c>registry/repository</c>; null for files of this host.</summary>
    string? Origin { get; }

    /// <summary>Reads a blob in order.</summary>
    /// <param name="blob">Digest and size; the content is not compared with the digest here.</param>
    /// <param name="from">How many bytes to leave out at the start.</param>
    /// <param name="take">Takes each piece; the memory is valid until its task completes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="Engine.ContainerException">It cannot be had, or is longer or shorter than the descriptor says.</exception>
    Task ReadAsync(BlobDescriptor blob, long from, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken);

    /// <summary>True if the source has the blob and gives it to whoever asks here.</summary>
    Task<bool> HasAsync(BlobDescriptor blob, CancellationToken cancellationToken);
}
