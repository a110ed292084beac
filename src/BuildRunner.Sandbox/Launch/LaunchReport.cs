using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Launch;

/// <summary>What a process on its way to be a container's first program says when it fails.</summary>
/// <param name="Stage">What it was doing.</param>
/// <param name="Index">With which of several.</param>
/// <param name="Value">The kernel's error.</param>
internal readonly record struct LaunchReport(LaunchStage Stage, int Index, int Value)
{
    /// <summary>The next one; null when nobody is left who could say one.</summary>
    public static LaunchReport? Read(Descriptor pipe)
    {
        Span<int> words = stackalloc int[3];
        return pipe.Read(MemoryMarshal.AsBytes(words)) == sizeof(int) * 3 ? new LaunchReport((LaunchStage)words[0], words[1], words[2]) : null;
    }

    /// <summary>What failed, for a person.</summary>
    public KernelException Explain(LaunchPlan plan) => Stage switch
    {
        LaunchStage.BindInProc => new KernelException(
            FailureKind.InvalidSpec, 0, $"{plan.Binds[Index].Target} lies in /proc of the container, by a link perhaps, where nothing may be mounted; use another path or image"),
        LaunchStage.WrongNode => new KernelException(
            FailureKind.InvalidSpec, 0, $"{plan.Nodes[Index].Source} of this host is not the device {plan.Nodes[Index].Major}:{plan.Nodes[Index].Minor} that it has to be, so no container is made"),
        LaunchStage.BindTarget or LaunchStage.NodeTarget or LaunchStage.FileSystemTarget => new KernelException(
            FailureKind.InvalidSpec, Value, $"{ActionOf(plan)} cannot be mounted at its place in the image: {Marshal.GetPInvokeErrorMessage(Value)} (error {Value}); the image has something there that is in the way"),
        LaunchStage.Label => new KernelException(
            FailureKind.RuntimeMissing, Value, $"cannot {ActionOf(plan)}: {Marshal.GetPInvokeErrorMessage(Value)} (error {Value}); load it on this machine, or name another"),
        LaunchStage.Keyring => new KernelException(
            FailureKind.Kernel, Value, $"cannot make the container's session keyring: {Marshal.GetPInvokeErrorMessage(Value)} (error {Value}); if keys are exhausted, raise kernel.keys.maxkeys"),
        _ => KernelException.FromErrorNumber(ActionOf(plan), Value),
    };

    private string ActionOf(LaunchPlan plan) => Stage switch
    {
        LaunchStage.Cgroup => "enter the container's cgroup",
        LaunchStage.Network => "enter the container's network",
        LaunchStage.Users => "enter the workflow's user namespace",
        LaunchStage.Identity => "become root of the container",
        LaunchStage.Namespaces => "make the container's namespaces",
        LaunchStage.Session => "begin the container's session",
        LaunchStage.FileSystem => $"make a file system of the kind {plan.FileSystems[Index].Type} for {plan.FileSystems[Index].Target} of the container",
        LaunchStage.Bind => $"open {plan.Binds[Index].Source} for {plan.Binds[Index].Target} of the container",
        LaunchStage.Node => $"open the device {plan.Nodes[Index].Source} of this host",
        LaunchStage.Root => $"enter the container's root {plan.Root} (part {Index})",
        LaunchStage.FileSystemTarget => plan.FileSystems[Index].Target,
        LaunchStage.NodeTarget => plan.Nodes[Index].Target,
        LaunchStage.BindTarget => plan.Binds[Index].Target,
        LaunchStage.Link => "make the links in /dev of the container",
        LaunchStage.Setting => $"set {plan.Settings[Index].Name} to {plan.Settings[Index].Value} in the container",
        LaunchStage.Masked => $"hide {plan.MaskedPaths[Index]} from the container",
        LaunchStage.ReadOnly => $"make {plan.ReadOnlyPaths[Index]} read-only for the container",
        LaunchStage.HostName => $"set the container's host name to {plan.HostName}",
        LaunchStage.ReadOnlyRoot => "make the container's root read-only",
        LaunchStage.Label => $"give the container {plan.Labels[Index].Name}",
        LaunchStage.ResourceLimit => $"set the limit {plan.ResourceLimits[Index].Resource} of the container's processes to {plan.ResourceLimits[Index].Value}",
        LaunchStage.Streams => "set the container's standard streams",
        LaunchStage.Privileges => "forbid the container new privileges",
        LaunchStage.Filter => "put the filter of system calls in force",
        LaunchStage.Capabilities => "limit the container's capabilities",
        LaunchStage.Execute => $"execute {plan.Arguments[0]} in the container",
        _ => $"start the container (stage {(int)Stage})",
    };
}
