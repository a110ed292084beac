using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The filter that a step's process really has, asked for every system call that there is.</summary>
/// <remarks>It is read from the kernel and run here, and compared with what the reviewed profile says of each call by its name. Names come from libseccomp, which knows nothing of us.</remarks>
public sealed partial class Filter_of_system_calls
{
    private const string Library = "libseccomp.so.2";
    private const uint X64 = 0xC000003E, X86 = 0x40000003, Arm64 = 0xC00000B7, X32 = 0x40000000;
    private const uint NotPermitted = LoadedFilter.Error | 1, NotImplemented = LoadedFilter.Error | 38;
    private const uint Calls = 1024;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gives_every_call_the_verdict_of_the_profile_whatever_its_arguments()
    {
        var filter = await FilterOfAStepAsync();
        using var profile = Profile();
        var wrong = new List<string>();
        for (var number = 0U; number < Calls; number++)
        {
            var name = NameOf(number);
            foreach (var argument in ArgumentsOf(name))
            {
                var (found, expected) = (filter.Verdict(X64, number, argument), Expected(profile.RootElement, name, argument));
                if (found != expected)
                {
                    wrong.Add($"{number} {name} {argument:x}: {found:x} in place of {expected:x}");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.InRange(filter.Length, 100, 4096);
    }

    [Fact]
    public async Task Ends_whoever_calls_as_another_architecture()
    {
        var filter = await FilterOfAStepAsync();
        for (var number = 0U; number < Calls; number++)
        {
            Assert.True(Ends(filter.Verdict(X86, number)), $"{number} of x86");
            Assert.True(Ends(filter.Verdict(Arm64, number)), $"{number} of arm64");

            // The 32-bit pointers of this architecture: either the same end, or a call that is not there.
            var verdict = filter.Verdict(X64, X32 | number);
            Assert.True(Ends(verdict) || verdict == NotImplemented, $"{number} of x32: {verdict:x}");
        }
    }

    private static bool Ends(uint verdict) => verdict is LoadedFilter.KillThread or LoadedFilter.KillProcess;

    private static uint Expected(JsonElement profile, string? name, ulong argument) => name switch
    {
        null => NotImplemented,
        "clone" => (argument & profile.GetProperty("cloneFlagsRefused").GetUInt64()) == 0 ? LoadedFilter.Allow : NotPermitted,
        "personality" => profile.GetProperty("personalitiesAllowed").EnumerateArray().Any(p => p.GetUInt64() == argument) ? LoadedFilter.Allow : NotImplemented,
        "socket" => profile.GetProperty("socketFamiliesAllowed").EnumerateArray().Any(f => f.GetUInt64() == argument) ? LoadedFilter.Allow : NotPermitted,
        _ when profile.GetProperty("allow").EnumerateArray().Any(n => n.GetString() == name) => LoadedFilter.Allow,
        _ when profile.GetProperty("deny").EnumerateObject().SelectMany(g => g.Value.EnumerateArray()).Any(n => n.GetString() == name) => NotPermitted,
        _ => NotImplemented,
    };

    private static IEnumerable<ulong> ArgumentsOf(string? name) => name switch
    {
        "clone" => [0, .. Enumerable.Range(0, 32).Select(bit => 1UL << bit), 0x3D0F00, 0x7E020000, 0xFFFFFFFF],
        "personality" => [0, 8, 0x20000, 0x20008, 0xFFFFFFFF, 1, 2, 0x0040000, 0x0020000 | 0x0040000, ulong.MaxValue],
        "socket" => [.. Enumerable.Range(0, 70).Select(family => (ulong)family), 0xFFFFFFFF],
        _ => [0, 1, 0xFFFFFFFF],
    };

    private static async Task<LoadedFilter> FilterOfAStepAsync()
    {
        Requires.That(RuntimeInformation.ProcessArchitecture == Architecture.X64, "an x86-64 processor");
        Requires.That(NativeLibrary.TryLoad(Library, out _), Library);
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        using var stop = new CancellationTokenSource();
        var container = await group.PrepareAsync(host.Shell("echo up; exec sleep 54321") with { StopGrace = TimeSpan.Zero }, Stop);
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, stop.Token);
        await output.Contains("up\n");
        try
        {
            return LoadedFilter.Of(await FindAsync(host.Auditor));
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The step's process, once it has become the program that it is to be.</summary>
    private static async Task<int> FindAsync(HostAuditor auditor)
    {
        while (true)
        {
            if (auditor.Processes().FirstOrDefault(p => p.Contains(": sleep 54321", StringComparison.Ordinal)) is { } line)
            {
                return int.Parse(line.Split(' ')[1].TrimEnd(':'), CultureInfo.InvariantCulture);
            }

            await Task.Delay(10, Stop);
        }
    }

    private static string? NameOf(uint number)
    {
        var text = ResolveNumber(X64, (int)number);
        try
        {
            return Marshal.PtrToStringUTF8(text);
        }
        finally
        {
            Marshal.FreeHGlobal(text);
        }
    }

    private static JsonDocument Profile()
    {
        using var stream = typeof(SeccompProfile).Assembly.GetManifestResourceStream("BuildRunner.Containers.Engine.Oci.seccomp.json")!;
        return JsonDocument.Parse(stream);
    }

    [LibraryImport(Library, EntryPoint = "seccomp_syscall_resolve_num_arch")]
    private static partial nint ResolveNumber(uint architecture, int number);
}
