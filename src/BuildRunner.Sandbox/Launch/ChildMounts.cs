using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Launch;

/// <summary>What a container's process mounts, in its own mount namespace and with the rights of its own user namespace. Bare calls only.</summary>
/// <remarks>
/// While the host's root can be reached, only paths of the shim's are opened, none of which the image has a say in; all that is needed of there is held by descriptor. The
/// image's own links are read when the host's root is gone.
/// </remarks>
internal static unsafe class ChildMounts
{
    private const int CopyTree = 1, Recursive = 0x8000, LinkItself = 0x100, FromDescriptor = 4, CloseMount = 1;
    private const int SetFlag = 0, SetString = 1, CreateIt = 6;
    private const ulong ReadOnlyMount = 1;
    private const uint KindMask = 0xF000, Character = 0x2000, Block = 0x6000, DirectoryKind = 0x4000;

    /// <summary>Makes the new file systems and copies the mounts that are wanted, all of which are nowhere yet. The kernel allows a new <c>/proc</c> only where one can be seen.</summary>
    public static void Prepare(NativePlan* plan)
    {
        for (var i = 0; i < plan->FileSystemCount; i++)
        {
            plan->FileSystems[i].Mount = Make(plan, LaunchStage.FileSystem, i, plan->FileSystems + i);
        }

        for (var i = 0; i < plan->NodeCount; i++)
        {
            PrepareNode(plan, i);
        }

        for (var i = 0; i < plan->BindCount; i++)
        {
            plan->Binds[i].Mount = Demand(
                plan, LaunchStage.Bind, i, plan->Call(CallOpenTree, AtCurrentDirectory, (nint)plan->Binds[i].Source, CopyTree | Recursive | LinkItself | CloseOnExec, 0, 0));
        }
    }

    /// <summary>Makes the container's root this process's, and lets go of the host's.</summary>
    public static void EnterRoot(NativePlan* plan)
    {
        var n = plan->Numbers;

        // What came from a namespace with more rights cannot be moved; a copy over it can, with what is mounted in it.
        var root = Demand(plan, LaunchStage.Root, 0, plan->Call(CallOpenTree, AtCurrentDirectory, (nint)plan->Root, CopyTree | Recursive | LinkItself | CloseOnExec, 0, 0));
        Demand(plan, LaunchStage.Root, 1, plan->Call(CallMoveMount, root, (nint)plan->Nothing, AtCurrentDirectory, (nint)plan->Root, FromDescriptor));
        var old = Demand(plan, LaunchStage.Root, 2, plan->Call(n.OpenAt, AtCurrentDirectory, (nint)plan->Slash, PathOnly | n.OnlyDirectory | CloseOnExec, 0, 0));
        Demand(plan, LaunchStage.Root, 3, plan->Call(n.ChangeDirectoryTo, root, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Root, 4, plan->Call(n.PivotRoot, (nint)plan->Here, (nint)plan->Here, 0, 0, 0));
        Demand(plan, LaunchStage.Root, 5, plan->Call(n.ChangeDirectoryTo, old, 0, 0, 0, 0));
        Demand(plan, LaunchStage.Root, 6, plan->Call(n.Unmount, (nint)plan->Here, UnmountDetach, 0, 0, 0));
        Demand(plan, LaunchStage.Root, 7, plan->Call(n.ChangeDirectory, (nint)plan->Slash, 0, 0, 0, 0));
        plan->Call(n.Close, root, 0, 0, 0, 0);
        plan->Call(n.Close, old, 0, 0, 0, 0);
    }

    /// <summary>Puts everything in its place.</summary>
    public static void Attach(NativePlan* plan)
    {
        var n = plan->Numbers;
        for (var i = 0; i < plan->FileSystemCount; i++)
        {
            var target = ChildPaths.Open(plan, LaunchStage.FileSystemTarget, i, plan->FileSystems[i].Target, isDirectory: true);
            Move(plan, LaunchStage.FileSystemTarget, i, plan->FileSystems[i].Mount, target);
        }

        for (var i = 0; i < plan->NodeCount; i++)
        {
            var target = ChildPaths.Open(plan, LaunchStage.NodeTarget, i, plan->Nodes[i].Target, isDirectory: false);
            Move(plan, LaunchStage.NodeTarget, i, plan->Nodes[i].Mount, target);
        }

        // In a file system that is this container's and that nobody else has been in.
        for (var i = 0; i < plan->LinkCount; i++)
        {
            Demand(plan, LaunchStage.Link, i, plan->Call(n.LinkAt, (nint)plan->Links[i].Text, AtCurrentDirectory, (nint)plan->Links[i].Target, 0, 0));
        }

        for (var i = 0; i < plan->BindCount; i++)
        {
            var target = ChildPaths.Open(plan, LaunchStage.BindTarget, i, plan->Binds[i].Target, plan->Binds[i].IsDirectory);
            if (ChildPaths.IsInProc(plan, target))
            {
                Child.Fail(plan, LaunchStage.BindInProc, i, 0);
            }

            Move(plan, LaunchStage.BindTarget, i, plan->Binds[i].Mount, target);
            plan->Call(n.Close, plan->Binds[i].Mount, 0, 0, 0, 0);
        }
    }

    /// <summary>Sets the kernel's settings of these namespaces, and takes from sight and from change what belongs to the machine.</summary>
    public static void Restrict(NativePlan* plan)
    {
        var n = plan->Numbers;
        for (var i = 0; i < plan->SettingCount; i++)
        {
            var setting = plan->Settings + i;
            var file = Demand(plan, LaunchStage.Setting, i, plan->Call(n.OpenAt, plan->FileSystems[plan->Proc].Mount, (nint)setting->Path, WriteOnly | CloseOnExec, 0, 0));
            Demand(plan, LaunchStage.Setting, i, plan->Call(n.Write, file, (nint)setting->Value, setting->Length, 0, 0));
            plan->Call(n.Close, file, 0, 0, 0, 0);
        }

        for (var i = 0; i < plan->ReadOnlyCount; i++)
        {
            var place = ChildPaths.Find(plan, LaunchStage.ReadOnly, i, plan->ReadOnly[i]);
            if (place >= 0)
            {
                var copy = Demand(plan, LaunchStage.ReadOnly, i, plan->Call(CallOpenTree, place, (nint)plan->Nothing, CopyTree | Recursive | AtEmptyPath | CloseOnExec, 0, 0));
                var attributes = new MountAttributes { Set = ReadOnlyMount };
                Demand(
                    plan, LaunchStage.ReadOnly, i,
                    plan->Call(CallMountSetAttributes, copy, (nint)plan->Nothing, AtEmptyPath | Recursive, (nint)(&attributes), sizeof(MountAttributes)));
                Move(plan, LaunchStage.ReadOnly, i, copy, place);
                plan->Call(n.Close, copy, 0, 0, 0, 0);
            }
        }

        for (var i = 0; i < plan->MaskedCount; i++)
        {
            var place = ChildPaths.Find(plan, LaunchStage.Masked, i, plan->Masked[i]);
            if (place >= 0)
            {
                Hide(plan, i, place);
            }
        }

        // The last, because places for the others were made in it.
        if (plan->ReadOnlyRoot)
        {
            var attributes = new MountAttributes { Set = ReadOnlyMount };
            Demand(plan, LaunchStage.ReadOnlyRoot, 0, plan->Call(CallMountSetAttributes, AtCurrentDirectory, (nint)plan->Slash, 0, (nint)(&attributes), sizeof(MountAttributes)));
        }
    }

    private static void Hide(NativePlan* plan, int index, int place)
    {
        ChildPaths.FileFacts facts;
        Demand(plan, LaunchStage.Masked, index, ChildPaths.Look(plan, place, &facts));
        var cover = (facts.Mode & KindMask) == DirectoryKind
            ? Make(plan, LaunchStage.Masked, index, plan->Mask)
            : Demand(
                plan, LaunchStage.Masked, index,
                plan->Call(CallOpenTree, plan->Nodes[plan->Null].Mount, (nint)plan->Nothing, CopyTree | AtEmptyPath | CloseOnExec, 0, 0));
        Move(plan, LaunchStage.Masked, index, cover, place);
        plan->Call(plan->Numbers.Close, cover, 0, 0, 0, 0);
    }

    private static int Make(NativePlan* plan, LaunchStage stage, int index, NativeFileSystem* system)
    {
        var context = Demand(plan, stage, index, plan->Call(CallOpenFileSystem, (nint)system->Type, CloseMount, 0, 0, 0));
        var source = stackalloc byte[7] { (byte)'s', (byte)'o', (byte)'u', (byte)'r', (byte)'c', (byte)'e', 0 };
        Demand(plan, stage, index, plan->Call(CallConfigureFileSystem, context, SetString, (nint)source, (nint)system->Source, 0));
        for (var i = 0; i < system->OptionCount; i++)
        {
            var option = system->Options + i;
            var command = option->Value == null ? SetFlag : SetString;
            Demand(plan, stage, index, plan->Call(CallConfigureFileSystem, context, command, (nint)option->Key, (nint)option->Value, 0));
        }

        Demand(plan, stage, index, plan->Call(CallConfigureFileSystem, context, CreateIt, 0, 0, 0));
        var mount = Demand(plan, stage, index, plan->Call(CallMountFileSystem, context, CloseMount, (nint)system->Attributes, 0, 0));
        plan->Call(plan->Numbers.Close, context, 0, 0, 0, 0);
        return mount;
    }

    private static void PrepareNode(NativePlan* plan, int index)
    {
        var n = plan->Numbers;
        var node = plan->Nodes + index;
        var file = Demand(plan, LaunchStage.Node, index, plan->Call(n.OpenAt, AtCurrentDirectory, (nint)node->Source, PathOnly | n.NoFollow | CloseOnExec, 0, 0));
        ChildPaths.FileFacts facts;
        Demand(plan, LaunchStage.Node, index, ChildPaths.Look(plan, file, &facts));
        if ((facts.Mode & KindMask) != (node->IsBlock ? Block : Character) || facts.DeviceMajor != node->Major || facts.DeviceMinor != node->Minor)
        {
            Child.Fail(plan, LaunchStage.WrongNode, index, 0);
        }

        node->Mount = Demand(plan, LaunchStage.Node, index, plan->Call(CallOpenTree, file, (nint)plan->Nothing, CopyTree | AtEmptyPath | CloseOnExec, 0, 0));
        plan->Call(n.Close, file, 0, 0, 0, 0);
    }

    /// <summary>Mounts at an open place, and closes the place.</summary>
    private static void Move(NativePlan* plan, LaunchStage stage, int index, int mount, int place)
    {
        const int toDescriptor = 0x40;
        Demand(plan, stage, index, plan->Call(CallMoveMount, mount, (nint)plan->Nothing, place, (nint)plan->Nothing, FromDescriptor | toDescriptor));
        plan->Call(plan->Numbers.Close, place, 0, 0, 0, 0);
    }

    private static int Demand(NativePlan* plan, LaunchStage stage, int index, nint result) => Child.Demand(plan, stage, index, result);

    private struct MountAttributes
    {
        public ulong Set, Clear, Propagation, UserNamespace;
    }
}
