using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class IsolationContract
{
    /// <summary>
    /// Somebody who is beside the step in its process namespace and has its user, but came from outside. Namespaces and rights allow the signal, as the privileged step shows, which has no
    /// Landlock; so what refuses it to the other is Landlock.
    /// </summary>
    [Theory]
    [InlineData(false, "refused")]
    [InlineData(true, "could")]
    public async Task A_step_cannot_signal_who_came_beside_it_from_outside(bool privileged, string expected)
    {
        Requires.That(LandlockVersion() >= FirstWithScopes, "Landlock that keeps signals (Linux 6.12)");
        Requires.Program("nsenter", "sleep");
        Assert.SkipUnless(!privileged || CanBePrivileged, "this engine cannot run privileged containers here");
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var (mark, seconds) = ($"mark-{Guid.NewGuid():N}", RandomNumberGenerator.GetInt32(100_000, 900_000));
        var script = $$"""
            echo {{mark}}
            while :; do
              for p in /proc/[0-9]*; do
                if [ "$(tr '\0' ' ' < $p/cmdline 2>/dev/null)" = "sleep {{seconds}} " ]; then
                  kill -0 ${p#/proc/} 2>/dev/null && echo could || echo refused
                  sleep 600 & kill -9 $! && wait $! ; [ $? = 137 ] && echo mine
                  exit 0
                fi
              done
              sleep 0.05
            done
            """;
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(Shell(host, script) with { Privileged = privileged }, Cancellation);
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
        await output.Contains(mark + "\n");
        using var outsider = Join(HostProcess(mark), seconds);
        try
        {
            Assert.Equal(new ContainerExit.Exited(0), await running);
        }
        finally
        {
            outsider.Kill(entireProcessTree: true);
            await outsider.WaitForExitAsync(Cancellation);
        }

        Assert.Equal($"{mark}\n{expected}\nmine\n", output.Out);
    }

    /// <summary>The same of a socket that has its name in no file system, from outside of the container but in its network. Before it listens nobody refuses the step but the lack of it.</summary>
    [Theory]
    [InlineData(false, Forbidden)]
    [InlineData(true, 0)]
    public async Task A_step_cannot_connect_to_a_socket_of_who_came_into_its_network_from_outside(bool privileged, int expected)
    {
        Requires.That(LandlockVersion() >= FirstWithScopes, "Landlock that keeps sockets (Linux 6.12)");
        Assert.SkipUnless(!privileged || CanBePrivileged, "this engine cannot run privileged containers here");
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var mark = $"mark-{Guid.NewGuid():N}";
        var script = $"echo {mark}; while :; do {BusyboxImage.ConnectingProgram}; r=$?; [ $r = {Refused} ] || break; sleep 0.05; done; echo $r";
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(Shell(host, script) with { Privileged = privileged }, Cancellation);
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
        await output.Contains(mark + "\n");
        using var outsider = await ListenAsync(HostProcess(mark));
        Assert.Equal(new ContainerExit.Exited(0), await running);
        Assert.Equal($"{mark}\n{expected}\n", output.Out);
    }

    [Fact]
    public async Task A_step_may_put_rules_of_Landlock_above_those_that_it_has()
    {
        Requires.That(LandlockVersion() >= FirstWithScopes, "Landlock that keeps signals (Linux 6.12)");
        await using var host = CreateHost();
        Assert.Equal("0", (await RunAloneAsync(host, $"{BusyboxImage.RestrictingProgram}; echo $?")).Text);
    }

    /// <summary>The number on this host of a process whose command line has the mark.</summary>
    private static int HostProcess(string mark) => Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out var id) ? id : 0).First(id =>
    {
        try
        {
            return id > 0 && id != Environment.ProcessId && File.ReadAllText($"/proc/{id}/cmdline").Contains(mark, StringComparison.Ordinal) && !File.ReadAllText($"/proc/{id}/comm").StartsWith("buildrunner", StringComparison.Ordinal);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    /// <summary>Starts "sleep" of this host among the processes of a container, as the container's root.</summary>
    private static Process Join(int process, int seconds)
    {
        static string? Users(string of) => new FileInfo($"/proc/{of}/ns/user").LinkTarget;
        string[] asRoot = Users($"{process}") == Users("self") ? [] : ["--user", "--setuid", "0", "--setgid", "0"];
        return Process.Start("nsenter", ["--target", $"{process}", "--pid", .. asRoot, "sleep", $"{seconds}"]);
    }

    /// <summary>A socket that listens in the network of a process, made by a thread that goes there and ends.</summary>
    private static async Task<Socket> ListenAsync(int process)
    {
        var made = new TaskCompletionSource<Socket>();
        var thread = new Thread(() =>
        {
            try
            {
                using var network = File.OpenHandle($"/proc/{process}/ns/net");
                if (SetNamespace((int)network.DangerousGetHandle(), 0) != 0)
                {
                    throw new InvalidOperationException($"setns: {Marshal.GetLastPInvokeErrorMessage()}");
                }

                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                socket.Bind(new UnixDomainSocketEndPoint("\0outsider"));
                socket.Listen();
                made.SetResult(socket);
            }
            catch (Exception problem)
            {
                // The test has to fail with it, and not the thread.
                made.SetException(problem);
            }
        });
        thread.Start();
        return await made.Task;
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int descriptor, int type);

    private const int Forbidden = 1, Refused = 111;

    private const int CreateRuleset = 444, AskVersion = 1, FirstWithScopes = 6;

    private static int LandlockVersion() => (int)Call(CreateRuleset, 0, 0, AskVersion);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(nint number, nint attributes, nint size, nint flags);
}
