using System.ComponentModel;
using System.Runtime.InteropServices;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Begins this process anew as root of a user namespace of its own: for an ordinary user the embedded engine works there as it does for root elsewhere.</summary>
/// <remarks>
/// Process, terminal, descriptors, working directory and environment stay, so whoever started it notices nothing. It must not have begun anything that a second beginning would
/// do again. The sandbox has the steps on the way (<c>BuildRunner.Sandbox.Rootless.RootlessEntry</c>).
/// </remarks>
public static unsafe partial class RootlessReexec
{
    /// <summary>Does not return, unless it fails.</summary>
    /// <param name="account">What the user has on this host; nothing that is needed may be missing.</param>
    /// <param name="stateRoot">The user's folder for what lives as long as a run.</param>
    /// <exception cref="ContainerException">BuildRunner's helper is missing, or cannot be started.</exception>
    public static void Enter(RootlessAccount account, string stateRoot)
    {
        var helper = SandboxPath.Find(null);
        var user = new RootlessUser(Libc.EffectiveUser(), Environment.UserName, stateRoot);
        if (SetVariable(RootlessUser.Variable, user.ToString(), 1) != 0)
        {
            throw Failed(helper);
        }

        string[] before = [helper, "rootless", account.MapOf("subuid", user.Id), account.MapOf("subgid", EffectiveGroup()), File.ResolveLinkTarget("/proc/self/exe", false)!.FullName];
        var command = File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        RemoveDoor();
        var words = (string?[])[.. before, .. command, null];
        var pointers = stackalloc nint[words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            pointers[i] = Marshal.StringToCoTaskMemUTF8(words[i]);
        }

        _ = Execute(helper, pointers);
        throw Failed(helper);
    }

    /// <summary>The runtime's socket for debuggers has a name by process; nobody would remove the one of the first beginning.</summary>
    private static void RemoveDoor()
    {
        foreach (var socket in Directory.EnumerateFiles(Path.GetTempPath(), $"dotnet-diagnostic-{Environment.ProcessId}-*-socket"))
        {
            File.Delete(socket);
        }
    }

    private static ContainerException Failed(string helper) =>
        new(ContainerFailure.EngineUnavailable, $"BuildRunner's helper {helper} cannot be started: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Execute(string path, nint* arguments);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "getegid")]
    private static partial uint EffectiveGroup();
}
