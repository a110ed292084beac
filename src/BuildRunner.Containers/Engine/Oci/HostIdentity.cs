using System.Globalization;
using System.Text;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Tells whether a path of this host still leads to what it led to before.</summary>
internal static class HostIdentity
{
    /// <summary>Mode and owner of what a path leads to; the default if it leads nowhere.</summary>
    public static (ushort Mode, uint User, uint Group) RightsOf(string path) => TryStatus(path, out var status) ? (status.Mode, status.User, status.Group) : default;

    /// <summary>What a path leads to: device, inode and owner. Empty: nothing.</summary>
    /// <param name="path">The path.</param>
    /// <param name="withTime">True: and when an entry was last added to it or removed, which may be another directory in the same place.</param>
    public static string Of(string path, bool withTime = false)
    {
        if (!TryStatus(path, out var status))
        {
            return "";
        }

        var identity = string.Create(CultureInfo.InvariantCulture, $"{status.DeviceMajor}:{status.DeviceMinor}:{status.Inode}:{status.User}:{status.Group}");
        return withTime ? string.Create(CultureInfo.InvariantCulture, $"{identity}:{status.ChangeSeconds}.{status.ChangeNanoseconds}") : identity;
    }

    private static unsafe bool TryStatus(string path, out Libc.FileStatus status)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        fixed (Libc.FileStatus* found = &status)
        {
            return Libc.Status(Libc.AtCurrentDirectory, name, 0, Libc.FileStatus.Basic, found) == 0;
        }
    }
}
