namespace BuildRunner.Containers.Storage;

/// <summary>Where and how to write an image. One of <see cref="Path"/> and <see cref="Output"/> is given.</summary>
public sealed record ImageExport
{
    /// <summary>As what.</summary>
    public required ImageFormat Format { get; init; }

    /// <summary>A file, which appears whole or not at all; for <see cref="ImageFormat.OciLayout"/> a folder, to which the image is added.</summary>
    public string? Path { get; init; }

    /// <summary>Written in place of a file; it may be a pipe. Not for <see cref="ImageFormat.OciLayout"/>.</summary>
    public Stream? Output { get; init; }
}

/// <summary>How images are written to files.</summary>
public enum ImageFormat
{
    /// <summary>An OCI image layout in a tar archive.</summary>
    OciArchive,

    /// <summary>What <c>docker load</c> takes.</summary>
    DockerArchive,

    /// <summary>An OCI image layout in a folder.</summary>
    OciLayout,
}
