using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The profile of <see cref="SeccompProfile"/> as the kernel takes it: compiled once in a process, in place of once for each container by the runtime's library.</summary>
/// <remarks>
/// Numbers of calls lie in few ranges with the same verdict, and these in a tree: eight comparisons decide. Whoever calls by another architecture's numbers is ended. The
/// container's init puts the filter in force before it hears of a command; that needs <c>no_new_privs</c>, without which the runtime must do it while it has the right to.
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

    private static readonly ConcurrentDictionary<Architecture, byte[]> Compiled = new();

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
    public static byte[] Of(Architecture architecture) => Compiled.GetOrAdd(architecture, static architecture =>
    {
        using var profile = SeccompProfile.Open("seccomp.json");
        using var numbers = SeccompProfile.Open("seccomp-numbers.json");
        var (name, kernelName) = architecture == Architecture.Arm64 ? ("arm64", 0xC000_00B7) : ("x64", 0xC000_003E);
        return new SeccompFilter(profile.RootElement, numbers.RootElement.GetProperty(name)).Compile(kernelName);
    });

    private byte[] Compile(uint architecture)
    {
        List<Instruction> program =
        [
            new(Code.Load, AtArchitecture),
            new(Code.IfEqual, architecture, Yes: 1),
            new(Code.Return, KillProcess),
            new(Code.Load, AtNumber),
            new(Code.IfAtLeast, ShortPointers, No: 1),
            new(Code.Return, NotImplemented),
            .. Tree(Ranges()),
        ];
        var bytes = new byte[program.Count * InstructionLength];
        for (var i = 0; i < program.Count; i++)
        {
            program[i].Write(bytes.AsSpan(i * InstructionLength));
        }

        return bytes;
    }

    /// <summary>From which number on which instructions decide, in order.</summary>
    private List<(uint From, List<Instruction> Verdict)> Ranges()
    {
        var (allowed, denied) = (Names("allow"), _profile.GetProperty("deny").EnumerateObject().SelectMany(g => g.Value.EnumerateArray()).Select(n => n.GetString()!).ToHashSet());
        var ranges = new List<(uint From, List<Instruction> Verdict)>();
        for (var number = 0U; number <= _names.Keys.Max() + 1; number++)
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

    private HashSet<string> Names(string property) => [.. _profile.GetProperty(property).EnumerateArray().Select(n => n.GetString()!)];

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
