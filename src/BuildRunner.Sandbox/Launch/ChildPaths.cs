using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Launch;

/// <summary>Finds places in the container's root, whatever links the image has there. Bare calls only; the host's root is gone when they are made.</summary>
internal static unsafe class ChildPaths
{
    private const int MostLinks = 40, BasicFacts = 0x7FF;
    private const uint KindMask = 0xF000, LinkKind = 0xA000;
    private const ulong InRoot = 16, NoMagicLinks = 2;
    private const long ProcMagic = 0x9FA0;

    /// <summary>
    /// Opens a place where something is to be mounted, and makes what is missing on the way. Links are followed by their text, part by part, so the kernel's own that lead to
    /// open files (<c>/proc/self/fd/3</c>) lead nowhere.
    /// </summary>
    public static int Open(NativePlan* plan, LaunchStage stage, int index, byte* path, bool isDirectory)
    {
        var n = plan->Numbers;
        var rest = plan->Path;
        var spare = plan->OtherPath;
        if (!Append(rest, 0, path))
        {
            Child.Fail(plan, stage, index, ErrNameTooLong);
        }

        var current = OpenRoot(plan, stage, index);
        var links = 0;
        while (true)
        {
            var name = SkipSlashes(rest);
            if (*name == 0)
            {
                return current;
            }

            rest = EndOfName(name);
            var isLast = *SkipSlashes(rest) == 0;
            var end = *rest;
            *rest = 0;
            var next = OpenPart(plan, stage, index, current, name, isFile: isLast && !isDirectory);
            *rest = end;
            FileFacts facts;
            Child.Demand(plan, stage, index, Look(plan, next, &facts));
            if ((facts.Mode & KindMask) != LinkKind)
            {
                plan->Call(n.Close, current, 0, 0, 0, 0);
                current = next;
                continue;
            }

            var length = Child.Demand(plan, stage, index, plan->Call(n.ReadLinkAt, next, (nint)plan->Nothing, (nint)spare, NativePlan.PathLength - 1, 0));
            plan->Call(n.Close, next, 0, 0, 0, 0);
            spare[length] = 0;
            if (++links > MostLinks || !Append(spare, length, rest))
            {
                Child.Fail(plan, stage, index, ErrLoop);
            }

            if (*spare == (byte)'/')
            {
                plan->Call(n.Close, current, 0, 0, 0, 0);
                current = OpenRoot(plan, stage, index);
            }

            // The text of the link and what came after it are the rest; what was the rest is free.
            rest = spare;
            spare = spare == plan->Path ? plan->OtherPath : plan->Path;
        }
    }

    /// <summary>Opens what is at a path; -1 if there is nothing.</summary>
    public static int Find(NativePlan* plan, LaunchStage stage, int index, byte* path)
    {
        var how = new OpenHow { Flags = PathOnly | CloseOnExec, Resolve = InRoot | NoMagicLinks };
        var root = OpenRoot(plan, stage, index);
        var found = (int)plan->Call(CallOpenAt2, root, (nint)path, (nint)(&how), sizeof(OpenHow), 0);
        if (found < 0 && -found is not (ErrNoEntry or ErrNotDirectory))
        {
            Child.Demand(plan, stage, index, found);
        }

        plan->Call(plan->Numbers.Close, root, 0, 0, 0, 0);
        return found;
    }

    /// <summary>True: a place is in a file system of the kind <c>proc</c>.</summary>
    [SkipLocalsInit]
    public static bool IsInProc(NativePlan* plan, int place)
    {
        // struct statfs begins with the kind.
        var status = stackalloc long[32];
        return plan->Call(plan->Numbers.FileSystemStatus, place, (nint)status, 0, 0, 0) < 0 || *status == ProcMagic;
    }

    /// <summary>What an open file is.</summary>
    public static nint Look(NativePlan* plan, int file, FileFacts* facts) =>
        plan->Call(plan->Numbers.Status, file, (nint)plan->Nothing, AtEmptyPath, BasicFacts, (nint)facts);

    private static int OpenRoot(NativePlan* plan, LaunchStage stage, int index) =>
        Child.Demand(plan, stage, index, plan->Call(plan->Numbers.OpenAt, AtCurrentDirectory, (nint)plan->Slash, PathOnly | plan->Numbers.OnlyDirectory | CloseOnExec, 0, 0));

    private static int OpenPart(NativePlan* plan, LaunchStage stage, int index, int directory, byte* name, bool isFile)
    {
        const int modeOfNew = 0x1ED;
        var n = plan->Numbers;
        var found = (int)plan->Call(n.OpenAt, directory, (nint)name, PathOnly | n.NoFollow | CloseOnExec, 0, 0);
        if (found != -ErrNoEntry)
        {
            return Child.Demand(plan, stage, index, found);
        }

        if (isFile)
        {
            var made = Child.Demand(plan, stage, index, plan->Call(n.OpenAt, directory, (nint)name, WriteOnly | Create | Exclusive | n.NoFollow | CloseOnExec, modeOfNew, 0));
            plan->Call(n.Close, made, 0, 0, 0, 0);
        }
        else
        {
            Child.Demand(plan, stage, index, plan->Call(n.MakeDirectoryAt, directory, (nint)name, modeOfNew, 0, 0));
        }

        return Child.Demand(plan, stage, index, plan->Call(n.OpenAt, directory, (nint)name, PathOnly | n.NoFollow | CloseOnExec, 0, 0));
    }

    private static byte* SkipSlashes(byte* text)
    {
        while (*text == (byte)'/')
        {
            text++;
        }

        return text;
    }

    private static byte* EndOfName(byte* text)
    {
        while (*text != 0 && *text != (byte)'/')
        {
            text++;
        }

        return text;
    }

    /// <summary>Puts a text behind another; false if there is no room.</summary>
    private static bool Append(byte* target, int at, byte* text)
    {
        for (; at < NativePlan.PathLength; at++, text++)
        {
            target[at] = *text;
            if (*text == 0)
            {
                return true;
            }
        }

        return false;
    }

    private const int ErrNameTooLong = 36;

    /// <summary><c>struct statx</c>, as far as it matters.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct FileFacts
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(128)]
        public uint DeviceMajor;

        [FieldOffset(132)]
        public uint DeviceMinor;
    }
}
