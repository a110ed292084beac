using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The profile of <see cref="SeccompProfile"/> as the kernel takes it: compiled once in a process, in place of once for each container by the runtime's library.</summary>
/// <remarks>
/// Numbers of calls lie in few ranges with the same verdict, and these in a tree: eight comparisons decide. Whoever calls by another architecture's numbers is ended, unless
/// the 32-bit programs of this processor are allowed, which have a tree of their own. The container's init puts the filter in force before it hears of a command; that needs
/// <c>no_new_privs</c>, without which the runtime must do it while it has the right to.
/// </remarks>
internal sealed class SeccompFilter
{
    private const uint Allow = 0x7FFF_0000, Error = 0x0005_0000, KillProcess = 0x8000_0000;
    private const uint NotPermitted = Error | 1, NotImplemented = Error | 38;

    /// <summary>Of the same architecture, with 32-bit pointers: not among the calls that there are.</summary>
    private const uint ShortPointers = 0x4000_0000;

    private const int InstructionLength = 8, LongestJump = 255;

    /// <summary>Where the kernel's description of a call has its number, its architecture, and the halves of its first argument.</summary>
    private const uint AtNumber = 0, AtArchitecture = 4, AtArgument = 16, AtArgumentHigh = 20;

    private static readonly ConcurrentDictionary<(Architecture Architecture, bool With32Bit), byte[]> Compiled = new();

    private readonly JsonElement _profile;
    private readonly Dictionary<uint, string> _names = [];

    private SeccompFilter(JsonElement profile, JsonElement numbers)
    {
        _profile = profile;
        foreach (var call in numbers.EnumerateObject())
        {
            _names[call.Value.GetUInt32()] = call.Name;
        }
    }

    /// <summary>The filter of a processor, one instruction after the other as <c>struct sock_filter</c>.</summary>
    /// <param name="architecture">The processor.</param>
    /// <param name="with32Bit">True: its 32-bit programs may run too.</param>
    public static byte[] Of(Architecture architecture, bool with32Bit) => Compiled.GetOrAdd((architecture, with32Bit), static key =>
    {
        using var profile = SeccompProfile.Open("seccomp.json");
        using var numbers = SeccompProfile.Open("seccomp-numbers.json");
        var ((name, kernelName), (name32, kernelName32)) = key.Architecture == Architecture.Arm64
            ? (("arm64", 0xC000_00B7U), ("arm", 0x4000_0028U))
            : (("x64", 0xC000_003EU), ("x86", 0x4000_0003U));
        List<Instruction> own = [.. WithoutShortPointers, .. new SeccompFilter(profile.RootElement, numbers.RootElement.GetProperty(name)).Tree()];
        List<Instruction> program = [new(Code.Load, AtArchitecture), .. For(kernelName, own)];
        if (key.With32Bit)
        {
            program.AddRange(For(kernelName32, [new(Code.Load, AtNumber), .. new SeccompFilter(profile.RootElement, numbers.RootElement.GetProperty(name32)).Tree()]));
        }

        return Bytes([.. program, new(Code.Return, KillProcess)]);
    });

    private static readonly Instruction[] WithoutShortPointers = [new(Code.Load, AtNumber), new(Code.IfAtLeast, ShortPointers, No: 1), new(Code.Return, NotImplemented)];

    /// <summary>Instructions for whoever calls by the numbers of one architecture; others pass over them.</summary>
    private static List<Instruction> For(uint architecture, List<Instruction> verdict) => [new(Code.IfEqual, architecture, Yes: 1), new(Code.Jump, (uint)verdict.Count), .. verdict];

    private static byte[] Bytes(List<Instruction> program)
    {
        var bytes = new byte[program.Count * InstructionLength];
        for (var i = 0; i < program.Count; i++)
        {
            program[i].Write(bytes.AsSpan(i * InstructionLength));
        }

        return bytes;
    }

    private List<Instruction> Tree() => Tree(Ranges());

    /// <summary>From which number on which instructions decide, in order.</summary>
    private List<(uint From, List<Instruction> Verdict)> Ranges()
    {
        var (allowed, denied) = (Names("allow", "allow32"), Names("deny32"));
        denied.UnionWith(_profile.GetProperty("deny").EnumerateObject().SelectMany(g => g.Value.EnumerateArray()).Select(n => n.GetString()!));
        var ranges = new List<(uint From, List<Instruction> Verdict)>();

        // Between numbers with a name lie numbers without one, which all have the verdict of the first of them.
        foreach (var number in _names.Keys.SelectMany(n => new[] { n, n + 1 }).Append(0U).Distinct().Order())
        {
            var verdict = _names.GetValueOrDefault(number) switch
            {
                "clone" => Clone(),
                "personality" => OneOf("personalitiesAllowed", NotImplemented),
                "socket" => OneOf("socketFamiliesAllowed", NotPermitted),
                { } name when allowed.Contains(name) => [new(Code.Return, Allow)],
                { } name when denied.Contains(name) => [new(Code.Return, NotPermitted)],
                _ => (List<Instruction>)[new(Code.Return, NotImplemented)],
            };
            if (ranges.Count == 0 || !ranges[^1].Verdict.SequenceEqual(verdict))
            {
                ranges.Add((number, verdict));
            }
        }

        return ranges;
    }

    private HashSet<string> Names(params ReadOnlySpan<string> properties)
    {
        var names = new HashSet<string>();
        foreach (var property in properties)
        {
            names.UnionWith(_profile.GetProperty(property).EnumerateArray().Select(n => n.GetString()!));
        }

        return names;
    }

    /// <summary>A clone without new namespaces is allowed.</summary>
    private List<Instruction> Clone() =>
    [
        new(Code.Load, AtArgument),
        new(Code.IfAnyOf, (uint)_profile.GetProperty("cloneFlagsRefused").GetUInt64(), No: 1),
        new(Code.Return, NotPermitted),
        new(Code.Return, Allow),
    ];

    /// <summary>Some values of the first argument are allowed, all 64 bits of it.</summary>
    private List<Instruction> OneOf(string property, uint otherwise)
    {
        List<Instruction> program = [new(Code.Load, AtArgumentHigh), new(Code.IfEqual, 0, Yes: 1), new(Code.Return, otherwise), new(Code.Load, AtArgument)];
        foreach (var value in _profile.GetProperty(property).EnumerateArray().Select(v => v.GetUInt32()))
        {
            program.AddRange([new(Code.IfEqual, value, No: 1), new(Code.Return, Allow)]);
        }

        return [.. program, new(Code.Return, otherwise)];
    }

    private static List<Instruction> Tree(List<(uint From, List<Instruction> Verdict)> ranges)
    {
        if (ranges.Count == 1)
        {
            return ranges[0].Verdict;
        }

        var middle = ranges.Count / 2;
        var (below, above) = (Tree(ranges[..middle]), Tree(ranges[middle..]));
        return below.Count <= LongestJump
            ? [new(Code.IfAtLeast, ranges[middle].From, Yes: (byte)below.Count), .. below, .. above]
            : [new(Code.IfAtLeast, ranges[middle].From, No: 1), new(Code.Jump, (uint)below.Count), .. below, .. above];
    }

    private enum Code : ushort
    {
        Load = 0x20,
        Jump = 0x05,
        IfEqual = 0x15,
        IfAtLeast = 0x35,
        IfAnyOf = 0x45,
        Return = 0x06,
    }

    /// <param name="Code">What to do.</param>
    /// <param name="Value">With what.</param>
    /// <param name="Yes">How many instructions to pass over if a comparison holds.</param>
    /// <param name="No">The same if it does not.</param>
    private readonly record struct Instruction(Code Code, uint Value, byte Yes = 0, byte No = 0)
    {
        public void Write(Span<byte> target)
        {
            MemoryMarshal.Write(target, (ushort)Code);
            (target[2], target[3]) = (Yes, No);
            MemoryMarshal.Write(target[4..], Value);
        }
    }
}
