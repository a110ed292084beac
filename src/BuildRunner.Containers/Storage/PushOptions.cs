namespace BuildRunner.Containers.Storage;

/// <summary>How to push.</summary>
public sealed record PushOptions
{
    /// <summary>In place of what this host's credential files say; null: those.</summary>
    public Registry.RegistryCredentials? Credentials { get; init; }
}

/// <summary>How far a push is.</summary>
/// <param name="Blobs">How many parts the image has.</param>
/// <param name="BlobsDone">How many of them are in the registry.</param>
/// <param name="Bytes">Bytes that are there, sent or not.</param>
/// <param name="TotalBytes">Bytes of all parts.</param>
public readonly record struct PushProgress(int Blobs, int BlobsDone, long Bytes, long TotalBytes);
