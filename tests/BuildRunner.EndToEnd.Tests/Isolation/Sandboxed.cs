using System.Globalization;
using System.Text.RegularExpressions;
using BuildRunner.Testing;

namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>A working tree, and runs in it whose traces on the host can be told from those of other runs.</summary>
internal sealed partial class Sandboxed : IDisposable
{
    private const string ScratchRoot = "/var/lib/buildrunner/scratch";

    private readonly Tree _tree;
    private readonly Tree _temporary = new();
    private readonly List<string> _groups = [];
    private readonly List<(uint First, uint Count)> _ids = [];
    private readonly List<string> _devices = [];

    /// <summary>Makes a tree of these files; it needs root and the programs of the engine.</summary>
    public Sandboxed(params (string Name, string Content)[] files)
    {
        Requires.Root();
        Requires.Program("runc", "nft", "perl", "busybox");
        _tree = new Tree(files);
        StateRoot = "/run/buildrunner-e2e-" + Guid.NewGuid().ToString("N")[..8];
    }

    /// <summary>A line that makes a step tell the test where its container is on the host.</summary>
    public const string Reveal = """sed -n 's,.*upperdir=[^ ]*/\([^/]*\)/c[0-9]*/upper.*,group \1 of,p' /proc/self/mountinfo | head -1; read -r _ first count < /proc/self/uid_map; echo "ids $first $count" """;

    public string Path => _tree.Path;

    /// <summary>The state directory of these runs alone.</summary>
    public string StateRoot { get; }

    /// <summary>Whether steps may reach private networks.</summary>
    public bool AllowPrivateNetworks { get; set; }

    /// <summary>The path of a file in the tree.</summary>
    public string this[string name] => _tree[name];

    /// <summary>One step with a script, as YAML; more keys, indented by four, may follow.</summary>
    public static string Step(string name, string script, string image = "rootfs:/", string more = "") => $"""
          - name: {name}
            image: {image}
            commands:
              - |
                {script.ReplaceLineEndings("\n        ")}
        {more}

        """;

    /// <summary>A pipeline of steps that run one after the other.</summary>
    public static string Pipeline(params string[] steps) => "steps:\n" + string.Concat(steps);

    /// <summary>Writes the pipeline and starts it.</summary>
    public Running Start(string pipeline, params string[] more)
    {
        File.WriteAllText(_tree["ci.yml"], pipeline);
        var environment = new Dictionary<string, string?>
        {
            ["BUILDRUNNER_ENGINE__STATEDIR"] = StateRoot,
            ["TMPDIR"] = _temporary.Path,
            ["BUILDRUNNER_ENGINE__ALLOWPRIVATENETWORKS"] = AllowPrivateNetworks ? "true" : null,
        };
        return Release.Start(_tree.Path, environment, ["run", "ci.yml", "--progress", "plain", .. more]);
    }

    /// <summary>Runs the pipeline to its end.</summary>
    public async Task<Finished> RunAsync(string pipeline, params string[] more)
    {
        await using var running = Start(pipeline, more);
        var run = await running.EndAsync(TimeSpan.FromMinutes(1));
        Learn(run.Error);
        return run;
    }

    /// <summary>Remembers what steps said with <see cref="Reveal"/>, to look for it on the host later.</summary>
    public void Learn(string output)
    {
        _groups.AddRange(GroupLine().Matches(output).Select(m => m.Groups[1].Value));
        _ids.AddRange(IdsLine().Matches(output).Select(m => (Number(m.Groups[1].Value), Number(m.Groups[2].Value))));
    }

    /// <summary>Remembers the holder of a run that is alive, whose device is in the host's network.</summary>
    public void LearnDevices(int runner) => _devices.AddRange(Processes.ChildrenOf(runner).Select(c => $"brg????{c}"));

    /// <summary>Nothing of the runs is on the host: no process, mount, cgroup, device or directory.</summary>
    /// <param name="folders">False: a run that was killed may have left its folder of small files, which the next run removes.</param>
    public async Task NothingIsLeftAsync(bool folders = true)
    {
        Assert.NotEmpty(_groups);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (Left(folders) is { Count: > 0 } left)
        {
            if (deadline.IsCancellationRequested)
            {
                Assert.Fail("left on the host:\n" + string.Join('\n', left));
            }

            // The kernel takes devices and cgroups of the dead away in its own time, and there is no event for it.
            await Task.Delay(50, CancellationToken.None);
        }
    }

    public void Dispose()
    {
        _tree.Dispose();
        _temporary.Dispose();
        if (Directory.Exists(StateRoot))
        {
            Directory.Delete(StateRoot, recursive: true);
        }
    }

    private List<string> Left(bool folders) =>
    [
        .. Directory.Exists(StateRoot + "/groups") ? Directory.GetFileSystemEntries(StateRoot + "/groups") : [],
        .. folders ? Directory.GetFileSystemEntries(_temporary.Path, "buildrunner*") : [],
        .. _groups.Select(g => $"{ScratchRoot}/{g}").Where(Directory.Exists),
        .. _groups.SelectMany(Cgroups),
        .. File.ReadAllLines("/proc/self/mountinfo").Where(l => l.Contains(StateRoot, StringComparison.Ordinal) || _groups.Exists(g => l.Contains(g, StringComparison.Ordinal))),
        .. _devices.SelectMany(d => Directory.GetDirectories("/sys/class/net", d)),
        .. _ids.SelectMany(range => Processes.OfUsers(range.First, range.Count)).Select(p => $"process {p}"),
    ];

    private static IEnumerable<string> Cgroups(string group) =>
        Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(h => $"{h}/buildrunner/{group}").Where(Directory.Exists);

    private static uint Number(string text) => uint.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"│ group (\S+) of")]
    private static partial Regex GroupLine();

    [GeneratedRegex(@"│ ids (\d+) (\d+)")]
    private static partial Regex IdsLine();
}
