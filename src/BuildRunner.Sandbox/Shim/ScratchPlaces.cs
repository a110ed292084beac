using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Shim;

/// <summary>The folders that can be written in a container whose image cannot: what the image has there is seen, and all that is written to all of them lies in one <c>tmpfs</c> of limited size.</summary>
/// <remarks>
/// They are mounted in the container's root before the runtime gets it, which then makes only the root itself read-only. The image has a say in where they are: in its own links, and in the home
/// that its <c>/etc/passwd</c> gives the user. So every path is opened with the root as the end of all ways, and no text of the image becomes an option of a mount.
/// </remarks>
internal sealed unsafe class ScratchPlaces(PrepareRequest request, string root)
{
    private const uint Everybody = 0x3FF, OrdinaryDirectory = 0x1ED;
    private const ulong ResolveNoMagicLinks = 2, ResolveInRoot = 16;

    private readonly List<string> mounted = [];

    private string Scratch => request.ContainerDirectory + "/scratch";

    /// <summary>Mounts all of them.</summary>
    /// <param name="user">The container's user, whose home is one.</param>
    public void Mount(ContainerUser user)
    {
        Files.MakeDirectory(Scratch, 0x1C9);
        Mounts.Temporary(Scratch, $"mode=0711,size={request.ScratchBytes}{Mounts.LabelOption(request.MountLabel)}");
        using var top = Descriptor.Open(root, PathOnly | OnlyDirectory);
        foreach (var (path, mode, owner) in new[] { ("/tmp", Everybody, 0u), ("/var/tmp", Everybody, 0u), ("/run", OrdinaryDirectory, 0u), (user.Home, 0x1C0u, user.UserId) })
        {
            using var place = Find(top, path, mode, owner);
            if (place is not null && new FileInfo($"/proc/self/fd/{place.Number}").LinkTarget is { } found && IsNew(found))
            {
                MountAt(place);
                mounted.Add(found);
            }
        }

        KernelException.Check(Libc.ChangeDirectory("/"), "enter", "/");
    }

    /// <summary>Lets go of what was written.</summary>
    public void Remove() => Mounts.Detach(Scratch);

    // A home that is the root stays read-only, and what lies in another of these is writable already.
    private bool IsNew(string found) => found.StartsWith(root + "/", StringComparison.Ordinal) && !mounted.Exists(m => found == m || found.StartsWith(m + "/", StringComparison.Ordinal));

    private void MountAt(Descriptor place)
    {
        var status = FileStatus.Of(place);
        var own = $"{Scratch}/{mounted.Count}";
        Files.MakeDirectory(own, 0x1C0);
        Files.MakeDirectory(own + "/work", 0x1C0);
        Files.MakeDirectory(own + "/upper", status.Mode & 0xFFF, 0);
        using (var upper = Descriptor.Open(own + "/upper", ReadOnly | OnlyDirectory | NoFollow))
        {
            upper.SetOwnerAndMode(status.User, status.Group, status.Mode & 0xFFF, own);
        }

        KernelException.Check(Libc.ChangeDirectory($"/proc/self/fd/{place.Number}"), "enter a folder of the image below", root);
        try
        {
            Mounts.Overlay(".", ".", own, MountNoSuid | MountNoDevices, request.MountLabel);
        }
        catch (KernelException)
        {
            // The kernel puts no more than two overlays above each other, and the image may be one: then what it has there is not seen.
            Mounts.Attach(own + "/upper", ".", Mounts.Attribute.NoSetuid | Mounts.Attribute.NoDevices, owners: null);
        }
    }

    /// <summary>Opens a folder of the image, and makes what is missing on the way; null where the image has something else there.</summary>
    private Descriptor? Find(Descriptor top, string path, uint mode, uint owner)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var count = 1; count <= parts.Length; count++)
        {
            var part = string.Join('/', parts[..count]);
            if (Open(top, part) is { } there)
            {
                if (count == parts.Length)
                {
                    return there;
                }

                there.Dispose();
                continue;
            }

            using var parent = count == 1 ? null : Open(top, string.Join('/', parts[..(count - 1)]));
            if (Libc.MakeDirectoryAt((parent ?? top).Number, parts[count - 1], 0x1C0) < 0 || Open(top, part) is not { } made)
            {
                // A file, or a link that leads nowhere.
                return null;
            }

            using (made)
            {
                using var writable = Descriptor.Open($"/proc/self/fd/{made.Number}", ReadOnly | OnlyDirectory);
                var (whose, how) = count == parts.Length ? (owner, mode) : (0u, OrdinaryDirectory);
                writable.SetOwnerAndMode(request.FirstHostId + whose, request.FirstHostId + whose, how, path);
            }
        }

        return parts.Length == 0 ? null : Open(top, string.Join('/', parts));
    }

    private static Descriptor? Open(Descriptor top, string path)
    {
        var bytes = Marshal.StringToCoTaskMemUTF8(path);
        var how = new OpenHow { Flags = (ulong)(PathOnly | OnlyDirectory | CloseOnExec), Resolve = ResolveInRoot | ResolveNoMagicLinks };
        var number = (int)Libc.Call(CallOpenAt2, top.Number, bytes, (nint)(&how), sizeof(OpenHow), 0);
        Marshal.FreeCoTaskMem(bytes);
        return number < 0 ? null : new Descriptor(number);
    }
}
