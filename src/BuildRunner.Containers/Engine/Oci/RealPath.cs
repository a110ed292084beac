using System.ComponentModel;
using System.Runtime.InteropServices;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Paths without links in them: what is hidden of a directory must not depend on the name that it is given.</summary>
internal static partial class RealPath
{
    /// <summary>The path that a path leads to.</summary>
    /// <exception cref="ContainerException">It leads nowhere.</exception>
    public static string Of(string path)
    {
        var found = Resolve(path, 0);
        var error = Marshal.GetLastPInvokeError();
        if (found == 0)
        {
            throw new ContainerException(ContainerFailure.ImageNotFound, $"The directory {path} cannot be used as an image: {new Win32Exception(error).Message}.");
        }

        var result = Marshal.PtrToStringUTF8(found)!;
        Free(found);
        return result;
    }

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial nint Resolve(string path, nint result);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void Free(nint memory);
}
