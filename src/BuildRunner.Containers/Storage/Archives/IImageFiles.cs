using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Files by name, in a folder or in an archive: what somebody gave us as images. Nothing outside of it can be named.</summary>
internal interface IImageFiles : IDisposable
{
    /// <summary>The content of a regular file; null if there is none of that name. The caller disposes it.</summary>
    /// <param name="name">Relative, with slashes.</param>
    /// <exception cref="ContainerException">It is there and cannot be read.</exception>
    BlobContent? Find(string name);
}
