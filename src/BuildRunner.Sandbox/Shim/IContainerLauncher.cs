using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Shim;

/// <summary>Makes a container of what the shim has mounted, and takes away what it made.</summary>
internal interface IContainerLauncher
{
    /// <summary>Creates the container and lets its first process, this program, begin. Returns the process, which is a child of this one.</summary>
    /// <param name="input">Its standard input.</param>
    /// <param name="output">Its standard output.</param>
    /// <param name="error">Its standard error.</param>
    /// <param name="caller">When this ends, the caller is gone.</param>
    /// <returns>The process's id, or 0 if the caller is gone.</returns>
    /// <exception cref="KernelException">It could not be created; nothing of it runs.</exception>
    int Create(Descriptor input, Descriptor output, Descriptor error, Descriptor caller);

    /// <summary>Removes what is kept about the container, once every process of it is dead.</summary>
    void Delete();
}
