using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Shim;

/// <summary>A user as an image's <c>/etc/passwd</c> and <c>/etc/group</c> have it.</summary>
/// <param name="UserId">As the container sees it.</param>
/// <param name="GroupId">As the container sees it.</param>
/// <param name="Groups">Supplementary groups.</param>
/// <param name="Home">The home directory; <c>/</c> if there is no entry.</param>
internal sealed record ContainerUser(uint UserId, uint GroupId, IReadOnlyList<uint> Groups, string Home)
{
    private const uint Ids = 65536;
    private const int MaximumFile = 8 << 20;

    /// <summary>Finds <c>user[:group]</c>, each a name or a number, with the rules of other engines.</summary>
    /// <param name="root">The container's root directory; links of the image lead nowhere outside of it.</param>
    /// <param name="text">What was asked for; empty means root.</param>
    public static ContainerUser Find(string root, string text)
    {
        using var directory = Descriptor.Open(root, PathOnly | OnlyDirectory);
        var parts = text.Split(':', 2);
        var (userText, groupText) = (parts[0].Length == 0 ? "0" : parts[0], parts.Length > 1 ? parts[1] : "");
        var entry = Entries(directory, "etc/passwd").FirstOrDefault(e => e.Length >= 6 && (e[0] == userText || e[2] == userText));
        var user = entry is not null ? Number(entry[2], userText) : Number(userText, $"user {userText}");
        var group = entry is not null ? Number(entry[3], userText) : 0;
        var groups = new List<uint>();
        foreach (var line in Entries(directory, "etc/group").Where(e => e.Length >= 3))
        {
            if (groupText.Length > 0 ? line[0] == groupText || line[2] == groupText : entry is not null && line.Length >= 4 && line[3].Split(',').Contains(entry[0]))
            {
                groups.Add(Number(line[2], line[0]));
            }
        }

        if (groupText.Length > 0)
        {
            group = groups.Count > 0 ? groups[0] : Number(groupText, $"group {groupText}");
            groups.Clear();
        }

        return new ContainerUser(user, group, groups, entry is { Length: > 5 } && entry[5].Length > 0 ? entry[5] : "/");
    }

    private static uint Number(string text, string what)
    {
        if (!uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw new KernelException(FailureKind.InvalidSpec, 0, $"the image has no {what} in /etc/passwd or /etc/group; use a name that it has, or a number");
        }

        return number < Ids ? number : throw new KernelException(FailureKind.InvalidSpec, 0, $"the id {number} of {what} is not below {Ids}");
    }

    private static List<string[]> Entries(Descriptor root, string path)
    {
        using var file = OpenWithin(root, path);
        return file is null || !FileStatus.Of(file).IsRegular
            ? []
            : Encoding.UTF8.GetString(Files.ReadToEnd(file, MaximumFile)).Split('\n').Select(l => l.Split(':')).ToList();
    }

    /// <summary>Opens a file below a root whose links are resolved as if the root were the file system's; a pipe does not block.</summary>
    private static unsafe Descriptor? OpenWithin(Descriptor root, string path)
    {
        var bytes = Marshal.StringToCoTaskMemUTF8(path);
        var how = new OpenHow { Flags = (ulong)(ReadOnly | CloseOnExec | NonBlocking), Resolve = ResolveInRoot | ResolveNoMagicLinks };
        var number = (int)Libc.Call(CallOpenAt2, root.Number, bytes, (nint)(&how), sizeof(OpenHow), 0);
        Marshal.FreeCoTaskMem(bytes);
        return number < 0 ? null : new Descriptor(number);
    }

    private const ulong ResolveNoMagicLinks = 2, ResolveInRoot = 16;
}
