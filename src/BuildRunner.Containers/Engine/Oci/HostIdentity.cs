using System.Globalization;
using System.Text;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Tells whether a path of this host still leads to what it led to before.</summary>
internal static class HostIdentity
{
    /// <summary>What a path leads to: device, inode and owner. Empty: nothing.</summary>
    /// <param name="path">The path.</param>
    /// <param name="withTime">True: and when an entry was last added to it or removed, which may be another directory in the same place.</param>
    public static unsafe string Of(string path, bool withTime = false)
    {
        Libc.FileStatus status;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            if (Libc.Status(Libc.AtCurrentDirectory, name, 0, Libc.FileStatus.Basic, &status) != 0)
            {
                return "";
            }
        }

        var identity = string.Create(CultureInfo.InvariantCulture, $"{status.DeviceMajor}:{status.DeviceMinor}:{status.Inode}:{status.User}:{status.Group}");
        return withTime ? string.Create(CultureInfo.InvariantCulture, $"{identity}:{status.ChangeSeconds}.{status.ChangeNanoseconds}") : identity;
    }
}
