using System.Runtime.InteropServices;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Keeps what a container's processes may reach of others within the container, by the kernel's Landlock: signals, and sockets whose names are in no file system.</summary>
/// <remarks>
/// Namespaces keep both already; this holds also where somebody is in the same namespaces, and is not undone by who leaves one. It takes no rights and handles no files, so
/// mounting stays what it was, and a step may put rules of its own above it (the kernel stacks 16).
/// </remarks>
internal static unsafe class Landlock
{
    private const nint AskVersion = 1, AskErrata = 2;
    private const int IsNoNewPrivileges = 39, FirstWithScopes = 6;
    private const nint SignalsAmongThreadsWork = 2;
    private const ulong AbstractSockets = 1, Signals = 2;

    /// <summary>For this process and all that it starts from now on, for ever. Called by the only thread that makes others.</summary>
    /// <returns>0, also where the kernel has no such thing or this process may still get new rights, who may not call it; else the kernel's error.</returns>
    public static int KeepWithin()
    {
        var scopes = Scopes();
        if (scopes == 0 || Libc.ProcessControl(IsNoNewPrivileges, 0, 0, 0, 0) != 1)
        {
            return 0;
        }

        var attributes = new RulesetAttributes { Scoped = scopes };
        var ruleset = (int)Libc.Call(Constants.CallLandlockCreateRuleset, (nint)(&attributes), sizeof(RulesetAttributes), 0, 0, 0);
        if (ruleset < 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        var result = Libc.Call(Constants.CallLandlockRestrictSelf, ruleset, 0, 0, 0, 0);
        var error = result < 0 ? Marshal.GetLastPInvokeError() : 0;
        _ = Libc.Close(ruleset);
        return error;
    }

    /// <summary>What this kernel can scope. Of the first that could, some refused signals also among the threads of one process, which the runtime of this program sends.</summary>
    private static ulong Scopes()
    {
        if (Libc.Call(Constants.CallLandlockCreateRuleset, 0, 0, AskVersion, 0, 0) < FirstWithScopes)
        {
            return 0;
        }

        // A kernel that does not know the question has not mended it.
        var mended = Libc.Call(Constants.CallLandlockCreateRuleset, 0, 0, AskErrata, 0, 0);
        return mended > 0 && (mended & SignalsAmongThreadsWork) != 0 ? AbstractSockets | Signals : AbstractSockets;
    }

    /// <summary><c>struct landlock_ruleset_attr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct RulesetAttributes
    {
        public ulong Files, Network, Scoped;
    }
}
