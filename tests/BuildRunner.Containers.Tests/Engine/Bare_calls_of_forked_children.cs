using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What the helper's forked children do until they are another program is read as machine code: nothing of the runtime's and nothing of the C library's, which a copy of one thread must not enter.</summary>
public sealed partial class Bare_calls_of_forked_children
{
    /// <summary>What a child may run into: a stack that somebody has written over, and that ends the process.</summary>
    private static readonly string[] Harmless = ["RhpFallbackFailFast"];

    /// <summary>Where forks are, and where children begin.</summary>
    private static readonly string[] Beginnings = ["Kernel_Clone__Split", "Launch_Child__EnterNamespaces", "Init_CommandLauncher__Execute", "Kernel_UserNamespace__Serve", "Network_SlirpNetwork__Hold"];

    [Fact]
    public async Task Forked_children_make_bare_system_calls_and_nothing_else()
    {
        Requires.Program("nm", "objdump");
        await using var host = OciHost.Create();
        var code = MachineCode.OfHelper(host.Options.SandboxPath!);
        var (open, seen, problems) = (new Queue<long>(Beginnings.Select(code.AddressOf)), new HashSet<long>(), new List<string>());
        while (open.TryDequeue(out var function))
        {
            if (seen.Add(function))
            {
                problems.AddRange(Look(code, function, open));
            }
        }

        var names = seen.Select(code.NameOf).ToList();
        Assert.True(problems.Count == 0, string.Join('\n', problems));
        foreach (var expected in new[] { "Launch_Child__Become", "Launch_Child__Fail", "Launch_ChildMounts__Attach", "Launch_ChildPaths__Open", "Launch_ChildRights__GiveUp" })
        {
            Assert.Contains(names, n => n.EndsWith(expected, StringComparison.Ordinal));
        }
    }

    /// <summary>Says what a function does that a child must not do, and adds what it calls.</summary>
    private static IEnumerable<string> Look(MachineCode code, long function, Queue<long> called)
    {
        var name = code.NameOf(function);
        if (Harmless.Any(h => name.Contains(h, StringComparison.Ordinal)))
        {
            yield break;
        }

        if (!name.Contains("_BuildRunner_Sandbox_", StringComparison.Ordinal))
        {
            yield return $"a child enters {name}";
            yield break;
        }

        foreach (var instruction in code.Of(function))
        {
            if (Thread().IsMatch(instruction))
            {
                yield return $"{name} uses what belongs to a thread: {instruction}";
            }
            else if (Data().Match(instruction) is { Success: true } data && !code.IsConstant(Number(data.Groups[1].Value)))
            {
                yield return $"{name} uses a variable of the process, {code.NameOf(Number(data.Groups[1].Value))}: {instruction}";
            }
            else if (Jump().Match(instruction) is { Success: true } jump && Number(jump.Groups[1].Value) is var target && !code.IsIn(target, function))
            {
                called.Enqueue(target);
            }
        }
    }

    private static long Number(string hex) => long.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex("%[fg]s:|^(syscall|sysenter|int)\\b")]
    private static partial Regex Thread();

    /// <summary>What is at an address relative to the instruction's; the tool works it out.</summary>
    [GeneratedRegex(@"\(%rip\).*# (?:0x)?([0-9a-f]+)")]
    private static partial Regex Data();

    /// <summary>Of calls by a register there is one: that of the system call's code, which no name leads to.</summary>
    [GeneratedRegex(@"^(?:call|j[a-z]+) +(?:0x)?([0-9a-f]+)\b")]
    private static partial Regex Jump();

    /// <summary>The helper's functions, from its symbols, which lie beside where it was built.</summary>
    private sealed class MachineCode
    {
        private readonly string _program;
        private readonly List<(long Address, string Kind, string Name)> _symbols;
        private readonly (long From, long To) _constants;

        private MachineCode(string program, string symbols)
        {
            _program = program;
            _symbols =
            [
                .. Run("nm", symbols).Split('\n').Select(l => l.Split(' ', 3)).Where(p => p.Length == 3 && p[0].Length > 0).Select(p => (Number(p[0]), p[1], p[2])).OrderBy(s => s.Item1),
            ];
            var section = Run("objdump", "-h", program).Split('\n').Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).First(w => w.Length > 3 && w[1] == ".rodata");
            _constants = (Number(section[3]), Number(section[3]) + Number(section[2]));
        }

        public static MachineCode OfHelper(string helper)
        {
            var built = Enumerable.Range(0, 12).Aggregate((List<string>)[AppContext.BaseDirectory], (l, _) => [.. l, Path.GetDirectoryName(l[^1]) ?? "/"])
                .Select(d => Path.Combine(d, "src/BuildRunner.Sandbox/bin/Release/net10.0/linux-x64/native/buildrunner-sandbox")).FirstOrDefault(File.Exists);
            Requires.That(built is not null && File.Exists(built + ".dbg"), "the symbols of BuildRunner's helper (dotnet publish src/BuildRunner.Sandbox -c Release)");
            Requires.That(File.ReadAllBytes(built!).AsSpan().SequenceEqual(File.ReadAllBytes(helper)), $"the helper {helper} to be the one that was built last, {built}");
            return new MachineCode(built!, built + ".dbg");
        }

        public long AddressOf(string ending) =>
            Assert.Single(_symbols, s => s.Kind is "T" or "t" && s.Name.StartsWith("buildrunner_", StringComparison.Ordinal) && s.Name.EndsWith(ending, StringComparison.Ordinal)).Address;

        public string NameOf(long address) => _symbols.LastOrDefault(s => s.Address <= address) is { Name: { } name } ? name : address.ToString("x", CultureInfo.InvariantCulture);

        /// <summary>Constants, and the number by which a stack is seen to have been written over.</summary>
        public bool IsConstant(long address) =>
            (address >= _constants.From && address < _constants.To) || _symbols.Any(s => s.Address == address && s.Name == "__security_cookie");

        public bool IsIn(long address, long function) => address >= function && address < EndOf(function);

        public IEnumerable<string> Of(long function) => Run(
            "objdump", "-d", "--no-show-raw-insn", $"--start-address=0x{function:x}", $"--stop-address=0x{EndOf(function):x}", _program).Split('\n')
            .Select(l => l.Split('\t')).Where(p => p.Length > 1).Select(p => p[^1].Trim());

        private long EndOf(long function) => _symbols.First(s => s.Address > function && s.Kind is "T" or "t" && s.Address > function).Address;

        private static string Run(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
            var said = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? said : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
        }
    }
}
