using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>An empty directory or file of this host in the place of another one.</summary>
internal static class EmptyPlace
{
    /// <summary>Gives a directory the place and name of an empty one, which is gone then. Who has the first one mounted goes on seeing it.</summary>
    /// <exception cref="IOException">The other one is not empty, has another mode or owner, or lies on another file system.</exception>
    public static void ReplaceDirectory(string directory, string place)
    {
        if (HostIdentity.RightsOf(directory) != HostIdentity.RightsOf(place))
        {
            throw new IOException($"{place} is not as it was made: somebody has worked in it");
        }

        Rename(directory, place);
    }

    /// <summary>The same for what is a file, or was looked at. Never a copy, which nobody has mounted.</summary>
    /// <exception cref="IOException">It cannot be done; it lies on another file system, for example.</exception>
    public static unsafe void Rename(string path, string place)
    {
        fixed (byte* from = Encoding.UTF8.GetBytes(path + "\0"))
        fixed (byte* to = Encoding.UTF8.GetBytes(place + "\0"))
        {
            if (Libc.RenameAt(Libc.AtCurrentDirectory, from, Libc.AtCurrentDirectory, to) != 0)
            {
                throw new IOException($"{path} cannot take the place of {place}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
            }
        }
    }
}
