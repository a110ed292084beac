using System.CommandLine;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Settings;
using BuildRunner.Testing;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Cli.Tests;

/// <summary>The command line in this process, in a directory of the test's own, at a fixed time and with a given environment.</summary>
internal sealed class TestCli : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();
    private readonly TestFolder state = TestFolder.Create();
    private readonly MemoryStream output = new();
    private readonly MemoryStream error = new();

    public TestCli(params (string Name, string Content)[] files)
    {
        Environment["BUILDRUNNER_LOCALRUNS__DIR"] = Runs;
        foreach (var (name, content) in files)
        {
            Write(name, content);
        }
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2027, 3, 1, 10, 0, 0, 123, TimeSpan.Zero));

    public Dictionary<string, string> Environment { get; } = new() { ["LANG"] = "C.UTF-8", ["PATH"] = System.Environment.GetEnvironmentVariable("PATH")! };

    public TerminalFacts Terminal { get; set; } = TerminalFacts.None;

    public List<ExitCode> Left { get; } = [];

    public StopSignals Signals => signals ??= StopSignals.Scripted(Left.Add);

    public Func<EffectiveSettings, CliHost, IContainerEngine> NewEngine { get; set; } = Engines.Create;

    public string Directory => folder.Path;

    /// <summary>Where the logs of this test's runs are.</summary>
    public string Runs => state["runs"];

    /// <summary>What standard input holds.</summary>
    public string Input { get; set; } = "";

    /// <summary>What was written to standard output by the last call.</summary>
    public string Output => Encoding.UTF8.GetString(output.ToArray());

    /// <summary>What was written to standard error by the last call.</summary>
    public string Error => Encoding.UTF8.GetString(error.ToArray());

    private StopSignals? signals;

    public void Write(string name, string content)
    {
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        File.WriteAllText(folder[name], content);
    }

    public async Task<int> RunAsync(params string[] arguments)
    {
        output.SetLength(0);
        error.SetLength(0);
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(Input));
        return await CommandLine.RunAsync(arguments, Host(input));
    }

    /// <summary>All verbs, to look at.</summary>
    public RootCommand Root() => CommandLine.Create(Host(Stream.Null));

    public void Dispose()
    {
        folder.Dispose();
        state.Dispose();
        output.Dispose();
        error.Dispose();
    }

    private CliHost Host(Stream input) => new()
    {
        Output = output,
        Error = error,
        Input = input,
        Terminal = Terminal,
        Environment = Environment,
        Directory = folder.Path,
        Time = Time,
        Signals = Signals,
        NewEngine = NewEngine,
    };
}
