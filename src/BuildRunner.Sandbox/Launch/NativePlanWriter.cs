using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Launch;

/// <summary>Makes ready everything that the forked child needs.</summary>
internal sealed unsafe class NativePlanWriter(NativeArena arena, LaunchPlan plan)
{
    /// <summary>What programs expect in <c>/dev</c> besides devices, as every engine makes it.</summary>
    private static readonly (string Target, string Text)[] Links =
    [
        ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1"), ("/dev/stderr", "/proc/self/fd/2"),
        ("/dev/ptmx", "pts/ptmx"), ("/dev/core", "/proc/kcore"),
    ];

    private static readonly PlannedFileSystem Mask = new("tmpfs", "tmpfs", "", MountIsReadOnly, ["ro"]);

    private const uint MountIsReadOnly = 1;

    /// <summary>The plan, but for what is open: that is the caller's to fill in.</summary>
    public NativePlan* Write()
    {
        var native = arena.Take<NativePlan>(1);
        native->Numbers = CallNumbers.OfThisProcessor();
        native->Call = BareCode.Call();
        native->Said = arena.Take<int>(3);
        native->UnifiedCgroup = -1;
        native->Slash = arena.Text("/");
        native->Here = arena.Text(".");
        native->Nothing = arena.Text("");
        native->Path = arena.Take<byte>(NativePlan.PathLength);
        native->OtherPath = arena.Take<byte>(NativePlan.PathLength);
        native->Root = arena.Text(plan.Root);
        native->ReadOnlyRoot = plan.ReadOnlyRoot;
        native->HostName = arena.Text(plan.HostName);
        native->HostNameLength = System.Text.Encoding.UTF8.GetByteCount(plan.HostName);
        native->Arguments = arena.Texts(plan.Arguments);
        native->Environment = arena.Texts(plan.Environment);
        native->Program = native->Arguments[0];
        WriteMounts(native);
        WriteProc(native);
        WriteProcess(native);
        return native;
    }

    private void WriteMounts(NativePlan* native)
    {
        native->FileSystemCount = plan.FileSystems.Count;
        native->FileSystems = arena.Take<NativeFileSystem>(plan.FileSystems.Count);
        native->Proc = -1;
        for (var i = 0; i < plan.FileSystems.Count; i++)
        {
            native->FileSystems[i] = FileSystem(plan.FileSystems[i]);
            native->Proc = plan.FileSystems[i].Type == "proc" ? i : native->Proc;
        }

        native->Mask = arena.Take<NativeFileSystem>(1);
        *native->Mask = FileSystem(Mask);
        native->NodeCount = plan.Nodes.Count;
        native->Nodes = arena.Take<NativeTree>(plan.Nodes.Count);
        native->Null = -1;
        for (var i = 0; i < plan.Nodes.Count; i++)
        {
            var node = plan.Nodes[i];
            native->Nodes[i] = new NativeTree
            {
                Source = arena.Text(node.Source),
                Target = arena.Text(node.Target),
                IsBlock = node.IsBlock,
                Major = node.Major,
                Minor = node.Minor,
            };
            native->Null = node is { IsBlock: false, Major: 1, Minor: 3 } ? i : native->Null;
        }

        native->BindCount = plan.Binds.Count;
        native->Binds = arena.Take<NativeTree>(plan.Binds.Count);
        for (var i = 0; i < plan.Binds.Count; i++)
        {
            var bind = plan.Binds[i];
            native->Binds[i] = new NativeTree { Source = arena.Text(bind.Source), Target = arena.Text(bind.Target), IsDirectory = FileStatus.Of(bind.Source).IsDirectory };
        }

        // The last is for kernels that have the file.
        native->LinkCount = Files.Exists("/proc/kcore") ? Links.Length : Links.Length - 1;
        native->Links = arena.Take<NativeLink>(Links.Length);
        for (var i = 0; i < native->LinkCount; i++)
        {
            native->Links[i] = new NativeLink { Target = arena.Text(Links[i].Target), Text = arena.Text(Links[i].Text) };
        }
    }

    private NativeFileSystem FileSystem(PlannedFileSystem system)
    {
        var options = arena.Take<NativeOption>(system.Options.Count);
        for (var i = 0; i < system.Options.Count; i++)
        {
            var parts = system.Options[i].Split('=', 2);
            options[i] = new NativeOption { Key = arena.Text(parts[0]), Value = parts.Length > 1 ? arena.Text(parts[1]) : null };
        }

        return new NativeFileSystem
        {
            Type = arena.Text(system.Type),
            Source = arena.Text(system.Source),
            Target = arena.Text(system.Target),
            Options = options,
            OptionCount = system.Options.Count,
            Attributes = system.Attributes,
        };
    }

    private void WriteProc(NativePlan* native)
    {
        native->SettingCount = plan.Settings.Count;
        native->Settings = arena.Take<NativeSetting>(plan.Settings.Count);
        for (var i = 0; i < plan.Settings.Count; i++)
        {
            var (name, value) = plan.Settings[i];
            native->Settings[i] = new NativeSetting { Path = arena.Text("sys/" + name.Replace('.', '/')), Value = arena.Text(value), Length = value.Length };
        }

        native->LabelCount = plan.Labels.Count;
        native->Labels = arena.Take<NativeSetting>(plan.Labels.Count);
        for (var i = 0; i < plan.Labels.Count; i++)
        {
            native->Labels[i] = new NativeSetting { Path = arena.Text(plan.Labels[i].File), Value = arena.Text(plan.Labels[i].Value), Length = System.Text.Encoding.UTF8.GetByteCount(plan.Labels[i].Value) };
        }

        native->Masked = arena.Texts(plan.MaskedPaths);
        native->MaskedCount = plan.MaskedPaths.Count;
        native->ReadOnly = arena.Texts(plan.ReadOnlyPaths);
        native->ReadOnlyCount = plan.ReadOnlyPaths.Count;
    }

    private void WriteProcess(NativePlan* native)
    {
        native->LimitCount = plan.ResourceLimits.Count;
        native->Limits = arena.Take<NativeLimit>(plan.ResourceLimits.Count);
        for (var i = 0; i < plan.ResourceLimits.Count; i++)
        {
            native->Limits[i] = new NativeLimit { Resource = plan.ResourceLimits[i].Resource, Soft = plan.ResourceLimits[i].Value, Hard = plan.ResourceLimits[i].Value };
        }

        native->Capabilities = plan.Capabilities;
        native->CapabilityCount = int.TryParse(Files.TryRead("/proc/sys/kernel/cap_last_cap"), System.Globalization.CultureInfo.InvariantCulture, out var last) ? last + 1 : 41;
        native->NoNewPrivileges = plan.NoNewPrivileges;
        native->Filter = arena.Bytes(plan.Filter);
        native->FilterLength = (ushort)(plan.Filter.Length / 8);
    }
}
