using System.Runtime.InteropServices;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Starts programs and waits for them.</summary>
internal static unsafe class Processes
{
    /// <summary>Starts a program with these standard streams, default signals and this process's environment.</summary>
    /// <param name="path">The program's file.</param>
    /// <param name="arguments">Its arguments, the first of which is its name.</param>
    /// <param name="input">Its standard input.</param>
    /// <param name="output">Its standard output.</param>
    /// <param name="error">Its standard error.</param>
    /// <param name="more">Descriptors of this process, and the numbers that they get there.</param>
    /// <returns>The process, or minus the error number.</returns>
    public static int Spawn(string path, IReadOnlyList<string> arguments, int input, int output, int error, params ReadOnlySpan<(int From, int To)> more)
    {
        using var argv = new NativeStrings(arguments);
        using var envp = new NativeStrings(EnvironmentOfThisProcess());
        using var program = new NativeStrings([path]);
        var actions = stackalloc byte[SpawnStructureSize];
        var attributes = stackalloc byte[SpawnStructureSize];
        _ = Libc.InitializeFileActions(actions);
        _ = Libc.InitializeSpawnAttributes(attributes);
        _ = Libc.AddDuplicate(actions, input, 0);
        _ = Libc.AddDuplicate(actions, output, 1);
        _ = Libc.AddDuplicate(actions, error, 2);
        foreach (var (from, to) in more)
        {
            _ = Libc.AddDuplicate(actions, from, to);
        }

        var all = stackalloc ulong[16];
        var none = stackalloc ulong[16];
        new Span<ulong>(all, 16).Fill(ulong.MaxValue);
        new Span<ulong>(none, 16).Clear();
        _ = Libc.SetSpawnDefaultSignals(attributes, all);
        _ = Libc.SetSpawnSignalMask(attributes, none);
        _ = Libc.SetSpawnFlags(attributes, SetSignalDefault | SetSignalMask);
        int pid;
        var failure = Libc.Spawn(&pid, program.Pointers[0], actions, attributes, argv.Pointers, envp.Pointers);
        _ = Libc.DestroyFileActions(actions);
        _ = Libc.DestroySpawnAttributes(attributes);
        return failure == 0 ? pid : -failure;
    }

    /// <summary>Waits for one child to end; its wait status.</summary>
    public static int Wait(int pid)
    {
        int status;
        while (true)
        {
            var result = Libc.Wait(pid, &status, 0);
            var error = Marshal.GetLastPInvokeError();
            if (result == pid)
            {
                return status;
            }

            if (error != ErrInterrupted)
            {
                throw KernelException.FromErrorNumber($"wait for process {pid}", error);
            }
        }
    }

    /// <summary>A descriptor that becomes readable when the process ends.</summary>
    public static Descriptor OpenProcess(int pid) => new(KernelException.Check(Libc.Call(CallPidfdOpen, pid, 0, 0, 0, 0), "open a process"));

    /// <summary>Sends a signal; false if the process is gone.</summary>
    public static bool Signal(Descriptor process, int signal) => Libc.Call(CallPidfdSendSignal, process.Number, signal, 0, 0, 0) == 0;

    /// <summary>Where a program is, by the search path of this process; null if nowhere.</summary>
    public static string? Find(string program)
    {
        if (program.Contains('/'))
        {
            return Files.Exists(program) ? program : null;
        }

        var path = Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        return (path + ":/usr/sbin:/sbin").Split(':', StringSplitOptions.RemoveEmptyEntries).Select(d => $"{d}/{program}").FirstOrDefault(Files.Exists);
    }

    private static List<string> EnvironmentOfThisProcess()
    {
        var variables = new List<string>();
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            variables.Add($"{entry.Key}={entry.Value}");
        }

        return variables;
    }

    // Larger than posix_spawn_file_actions_t (80) and posix_spawnattr_t (336) of glibc.
    private const int SpawnStructureSize = 512;
    private const short SetSignalMask = 8, SetSignalDefault = 4;
}

/// <summary>A null-terminated array of C strings.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    public NativeStrings(IReadOnlyList<string> values)
    {
        _count = values.Count;
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)(values.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < values.Count; i++)
        {
            Pointers[i] = (byte*)Marshal.StringToCoTaskMemUTF8(values[i]);
        }
    }

    public byte** Pointers { get; }

    public void Dispose()
    {
        for (var i = 0; i < _count; i++)
        {
            Marshal.FreeCoTaskMem((nint)Pointers[i]);
        }

        NativeMemory.Free(Pointers);
    }
}
