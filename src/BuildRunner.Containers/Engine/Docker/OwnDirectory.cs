using System.Text;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A directory of ours in one where anybody may make some of any name, as <c>/tmp</c>.</summary>
internal static unsafe class OwnDirectory
{
    private const int LinkItself = 0x100;
    private const uint Sticky = 0x200, WritableByOthers = 0x12;

    private const UnixFileMode OwnerWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Makes it if it is not there; returns its whole path. Where only the machine's people may make some it is taken as it is.</summary>
    /// <exception cref="ContainerException">Somebody else made it first, who could exchange what is in it while it is used.</exception>
    public static string Make(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        Directory.CreateDirectory(path, OwnerWrites);
        if (Path.GetDirectoryName(path) is not { } parent || (Look(parent, flags: 0).Mode & Sticky) == 0)
        {
            return path;
        }

        var found = Look(path, LinkItself);
        var problem = (found.Mode & Storage.Libc.TypeMask) != Storage.Libc.TypeDirectory ? "is a link"
            : found.User != Libc.GetEffectiveUserId() ? $"belongs to the user {found.User}"
            : null;
        if (problem is not null)
        {
            throw new ContainerException(
                ContainerFailure.EngineUnavailable,
                $"The directory {path} is not used: it {problem}, and in {parent} anybody can make one of this name. Remove it, or name another directory with the setting Engine:ScratchDir.");
        }

        if ((found.Mode & WritableByOthers) != 0)
        {
            File.SetUnixFileMode(path, (UnixFileMode)(found.Mode & 0xFFF & ~WritableByOthers));
        }

        return path;
    }

    private static Storage.Libc.FileStatus Look(string path, int flags)
    {
        Storage.Libc.FileStatus status;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            return Storage.Libc.Status(Storage.Libc.AtCurrentDirectory, name, flags, Storage.Libc.FileStatus.Basic, &status) == 0
                ? status
                : throw new ContainerException(ContainerFailure.EngineUnavailable, $"The directory {path} cannot be looked at.");
        }
    }
}
