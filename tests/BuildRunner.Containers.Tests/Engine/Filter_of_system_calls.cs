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
    private const uint X64 = 0xC000003E, X86 = 0x40000003, Arm64 = 0xC00000B7, Arm = 0x40000028, X32 = 0x40000000;
    private const uint ArmSetTls = 0xF0005;
    private const uint NotPermitted = LoadedFilter.Error | 1, NotImplemented = LoadedFilter.Error | 38;
    private const uint Calls = 1024;

    /// <summary>Calls that are newer than the libraries that hosts have; they have the same numbers on all architectures.</summary>
    private static readonly Dictionary<uint, string> Newest = new() { [462] = "mseal", [463] = "setxattrat", [464] = "getxattrat", [465] = "listxattrat", [466] = "removexattrat" };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("runc", false)]
    [InlineData("runc", true)]
    [InlineData("direct", false)]
    [InlineData("direct", true)]
    public async Task Gives_every_call_the_verdict_of_the_profile_whatever_its_arguments(string runtime, bool mayGainRights)
    {
        var filter = await FilterOfAStepAsync(runtime, mayGainRights);
        Assert.Empty(WrongVerdicts(filter, X64, byTheRuntime: runtime == "runc" && mayGainRights));
        Assert.InRange(filter.Length, 100, 4096);
    }

    [Fact]
    public void Is_compiled_once() => Assert.Same(SeccompFilter.Of(RuntimeInformation.ProcessArchitecture, false), SeccompFilter.Of(RuntimeInformation.ProcessArchitecture, false));

    [Fact]
    public void Gives_every_call_the_same_verdict_on_the_other_processor()
    {
        Requires.That(NativeLibrary.TryLoad(Library, out _), Library);
        var program = MemoryMarshal.Cast<byte, LoadedFilter.Instruction>(SeccompFilter.Of(Architecture.Arm64, false)).ToArray();
        Assert.Empty(WrongVerdicts(new LoadedFilter(program), Arm64, byTheRuntime: false));
    }

    [Theory]
    [InlineData(Architecture.X64, X64, X86)]
    [InlineData(Architecture.Arm64, Arm64, Arm)]
    public void Gives_programs_of_32_bits_the_verdicts_of_the_profile_too_where_they_are_allowed(Architecture processor, uint own, uint of32Bits)
    {
        Requires.That(NativeLibrary.TryLoad(Library, out _), Library);
        var filter = new LoadedFilter(MemoryMarshal.Cast<byte, LoadedFilter.Instruction>(SeccompFilter.Of(processor, true)).ToArray());
        Assert.InRange(filter.Length, 100, 4096);
        Assert.Empty(WrongVerdicts(filter, own, byTheRuntime: false));
        Assert.Empty(WrongVerdicts(filter, of32Bits, byTheRuntime: false));
        Assert.True(Ends(filter.Verdict(own == X64 ? Arm64 : X64, 1)));
        Assert.Equal(own == X64 ? NotImplemented : LoadedFilter.Allow, filter.Verdict(of32Bits, ArmSetTls));
    }

    private static List<string> WrongVerdicts(LoadedFilter filter, uint architecture, bool byTheRuntime)
    {
        using var profile = Profile();
        var wrong = new List<string>();
        for (var number = 0U; number < Calls; number++)
        {
            var name = NameOf(architecture, number, byTheRuntime);
            foreach (var argument in ArgumentsOf(name))
            {
                var (found, expected) = (filter.Verdict(architecture, number, argument), Expected(profile.RootElement, name, argument));
                if (found != expected)
                {
                    wrong.Add($"{number} {name} {argument:x}: {found:x} in place of {expected:x}");
                }
            }
        }

        return wrong;
    }

    [Theory]
    [InlineData("runc", false)]
    [InlineData("runc", true)]
    [InlineData("direct", true)]
    public async Task Ends_whoever_calls_as_another_architecture(string runtime, bool mayGainRights)
    {
        var filter = await FilterOfAStepAsync(runtime, mayGainRights);
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
        _ when profile.GetProperty("allow32").EnumerateArray().Any(n => n.GetString() == name) => LoadedFilter.Allow,
        _ when profile.GetProperty("deny32").EnumerateArray().Any(n => n.GetString() == name) => NotPermitted,
        _ when profile.GetProperty("allow").EnumerateArray().Any(n => n.GetString() == name) => LoadedFilter.Allow,
        _ when profile.GetProperty("deny").EnumerateObject().SelectMany(g => g.Value.EnumerateArray()).Any(n => n.GetString() == name) => NotPermitted,
        _ => NotImplemented,
    };

    private static IEnumerable<ulong> ArgumentsOf(string? name) => name switch
    {
        "clone" => [0, .. Enumerable.Range(0, 32).Select(bit => 1UL << bit), 0x3D0F00, 0x7E020000, 0xFFFFFFFF],
        "personality" => [0, 8, 0x20000, 0x20008, 0xFFFFFFFF, 1, 2, 0x0040000, 0x0020000 | 0x0040000, ulong.MaxValue, 1UL << 32],
        "socket" => [.. Enumerable.Range(0, 70).Select(family => (ulong)family), 0xFFFFFFFF, (1UL << 32) | 2],
        _ => [0, 1, 0xFFFFFFFF],
    };

    private static async Task<LoadedFilter> FilterOfAStepAsync(string runtime, bool mayGainRights)
    {
        Requires.That(RuntimeInformation.ProcessArchitecture == Architecture.X64, "an x86-64 processor");
        Requires.That(NativeLibrary.TryLoad(Library, out _), Library);
        await using var host = OciHost.Create(o => o.RuntimePath = runtime);
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        using var stop = new CancellationTokenSource();
        var container = await group.PrepareAsync(host.Shell("echo up; exec sleep 54321") with { StopGrace = TimeSpan.Zero, AllowNewPrivileges = mayGainRights }, Stop);
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

    /// <summary>The runtime knows the calls that its library knows.</summary>
    private static string? NameOf(uint architecture, uint number, bool byTheRuntime)
    {
        var text = ResolveNumber(architecture, (int)number);
        try
        {
            return Marshal.PtrToStringUTF8(text) ?? (byTheRuntime ? null : Newest.GetValueOrDefault(number));
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
