using System.Runtime.InteropServices;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>Gives unpacked files their owner, mode, extended attributes and time, in that order: each step may undo what came before it.</summary>
internal sealed unsafe class EntryAttributes
{
    private const uint SetIds = 0b110_000_000_000;
    private const uint SpecialBits = 0b111_000_000_000;

    private readonly LayerTree _tree;
    private readonly uint _mask;
    private readonly bool _canChangeOwner = Libc.EffectiveUser() == 0;

    // New files belong to this process's user and group, unless a directory hands its group down.
    private readonly uint _group;
    private bool _groupIsInherited;

    public EntryAttributes(LayerTree tree)
    {
        _tree = tree;
        _mask = ReadMask();
        Libc.FileStatus root;
        fixed (byte* empty = "\0"u8)
        {
            _ = Libc.Status(tree.Root, empty, Libc.AtEmptyPath, Libc.FileStatus.Basic, &root);
        }

        _group = root.Group;
        _groupIsInherited = (root.Mode & SetIds) != 0 || root.User != 0;
    }

    /// <summary>Marks a directory so that nothing of the layers below shows through.</summary>
    public static void MarkOpaque(int directory)
    {
        fixed (byte* trusted = "trusted.overlay.opaque\0"u8)
        fixed (byte* user = "user.overlay.opaque\0"u8)
        fixed (byte* yes = "y"u8)
        {
            var first = Libc.SetAttribute(directory, trusted, yes, 1, 0);
            var errno = Marshal.GetLastPInvokeError();
            // Each kind of mount reads one of the two; without privilege only the second can be written, some file systems lack it.
            if (Libc.SetAttribute(directory, user, yes, 1, 0) != 0 && first != 0)
            {
                throw StorageErrors.Host(errno, "mark an opaque directory", "the image store");
            }
        }
    }

    public void ApplyToFile(int file, TarEntry entry)
    {
        var owned = ChangeOwner(file, entry);
        if (owned || (entry.Mode & (SpecialBits | _mask)) != 0)
        {
            Check(Libc.ChangeMode(file, entry.Mode), entry);
        }

        SetAttributes(file, entry);
        var times = TimesOf(entry);
        Check(Libc.SetTimes(file, &times), entry);
    }

    public void ApplyToDirectory(int directory, TarEntry entry, bool isNew)
    {
        var owned = ChangeOwner(directory, entry) || !isNew;
        if (owned || (entry.Mode & (SpecialBits | _mask)) != 0 || _groupIsInherited)
        {
            Check(Libc.ChangeMode(directory, entry.Mode), entry);
        }

        _groupIsInherited |= (entry.Mode & SetIds) != 0;
        SetAttributes(directory, entry);
    }

    /// <summary>For links and pipes, which are not opened.</summary>
    public void ApplyByName(int parent, byte* name, TarEntry entry)
    {
        if (_canChangeOwner)
        {
            Check(Libc.ChangeOwnerAt(parent, name, entry.User, entry.Group, Libc.AtSymlinkNoFollow), entry);
        }

        if (entry.Type != TarEntryType.SymbolicLink)
        {
            Check(Libc.ChangeModeAt(parent, name, entry.Mode, 0), entry);
        }

        var times = TimesOf(entry);
        Check(Libc.SetTimesAt(parent, name, &times, Libc.AtSymlinkNoFollow), entry);
    }

    /// <summary>Access time and time of change.</summary>
    public static Libc.TimePair TimesOf(TarEntry entry)
    {
        var time = new Libc.TimeSpec { Seconds = (nint)entry.Seconds, Nanoseconds = entry.Nanoseconds };
        return new Libc.TimePair { Access = time, Change = time };
    }

    private bool ChangeOwner(int descriptor, TarEntry entry)
    {
        if (!_canChangeOwner || (entry.User == 0 && entry.Group == _group && !_groupIsInherited && entry.Type == TarEntryType.File))
        {
            return false;
        }

        Check(Libc.ChangeOwner(descriptor, entry.User, entry.Group), entry);
        return true;
    }

    private void SetAttributes(int descriptor, TarEntry entry)
    {
        foreach (var (name, value) in entry.Attributes)
        {
            if (!IsAllowed(name))
            {
                continue;
            }

            fixed (byte* call = (byte[])[.. name, 0])
            fixed (byte* bytes = value)
            {
                if (Libc.SetAttribute(descriptor, call, bytes, (nuint)value.Length, 0) != 0
                    && Marshal.GetLastPInvokeError() is not (StorageErrors.NotSupported or StorageErrors.NotPermitted))
                {
                    throw new TarFormatException(
                        $"the extended attribute '{StorageErrors.Show(name)}' of '{StorageErrors.Show(entry.Name)}' does not fit the file system: "
                        + StorageErrors.Describe(Marshal.GetLastPInvokeError()));
                }
            }
        }
    }

    // Overlayfs takes orders from its own attributes, also from lower layers; labels and measurements belong to the host.
    private static bool IsAllowed(ReadOnlySpan<byte> name) =>
        (name.StartsWith("user."u8) && !name.StartsWith("user.overlay."u8))
        || name.SequenceEqual("security.capability"u8)
        || name.SequenceEqual("system.posix_acl_access"u8)
        || name.SequenceEqual("system.posix_acl_default"u8);

    private void Check(int result, TarEntry entry)
    {
        if (result != 0)
        {
            throw _tree.Failure(Marshal.GetLastPInvokeError(), entry.Name);
        }
    }

    // Asking the kernel by umask(2) would change it for every thread.
    private static uint ReadMask()
    {
        var line = File.ReadLines("/proc/self/status").FirstOrDefault(text => text.StartsWith("Umask:", StringComparison.Ordinal));
        return line is null ? 0x1FF : Convert.ToUInt32(line["Umask:".Length..].Trim(), 8);
    }
}
