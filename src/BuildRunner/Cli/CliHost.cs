using System.Collections;
using BuildRunner.Containers.Engine;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>What a verb may touch of the process that runs it; tests give their own.</summary>
internal sealed record CliHost
{
    /// <summary>Data: what was asked for, and JSON.</summary>
    public required Stream Output { get; init; }

    /// <summary>What a person reads while something goes on.</summary>
    public required Stream Error { get; init; }

    /// <summary>Answers of a person.</summary>
    public required Stream Input { get; init; }

    /// <summary>What is known of the terminal.</summary>
    public required TerminalFacts Terminal { get; init; }

    /// <summary>The environment.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>The directory in which the verb works, absolute.</summary>
    public required string Directory { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Signals that ask the process to end.</summary>
    public required StopSignals Signals { get; init; }

    /// <summary>Makes the engine that the settings name.</summary>
    public required Func<EffectiveSettings, CliHost, IContainerEngine> NewEngine { get; init; }

    /// <summary>Moves an ordinary user's process to where the embedded engine works for them (<see cref="RootlessStart"/>); null: it stays.</summary>
    public Action<EffectiveSettings, CliHost, bool>? ReexecRootless { get; init; }

    /// <summary>This process.</summary>
    public static CliHost OfProcess() => new()
    {
        Output = Console.OpenStandardOutput(),
        Error = Console.OpenStandardError(),
        Input = Console.OpenStandardInput(),
        Terminal = TerminalFacts.OfProcess(),
        Environment = System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "", StringComparer.Ordinal),
        Directory = System.Environment.CurrentDirectory,
        Time = TimeProvider.System,
        Signals = StopSignals.OfProcess(),
        NewEngine = Engines.Create,
        ReexecRootless = RootlessStart.Enter,
    };

    /// <summary>A line that a person types, or that comes on standard input; null: there is none.</summary>
    public string? ReadLine()
    {
        var line = new List<byte>();
        while (Input.ReadByte() is var next and >= 0 && next != '\n')
        {
            line.Add((byte)next);
        }

        return line.Count == 0 ? null : System.Text.Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
    }

    /// <summary>A line that nobody may read over the shoulder: on a terminal it is not shown.</summary>
    public string? ReadHidden() => Terminal.ReadHidden is { } read ? read() : ReadLine();

    /// <summary>Writes text to standard output.</summary>
    public void Print(string text) => Output.Write(System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Writes text to standard error.</summary>
    public void Say(string text) => Error.Write(System.Text.Encoding.UTF8.GetBytes(text));
}

/// <summary>What is known of the terminal.</summary>
/// <param name="ErrorIsTerminal">Whether a person sees standard error at once.</param>
/// <param name="OutputIsTerminal">Whether a person sees standard output at once.</param>
/// <param name="Width">Columns now.</param>
/// <param name="Height">Lines now.</param>
internal sealed record TerminalFacts(bool ErrorIsTerminal, bool OutputIsTerminal, Func<int> Width, Func<int> Height)
{
    /// <summary>No terminal: files or pipes.</summary>
    public static TerminalFacts None { get; } = new(false, false, () => 80, () => 24);

    /// <summary>Whether a person can answer on standard input.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Reads a line without showing it; null: it is read as any other.</summary>
    public Func<string?>? ReadHidden { get; init; }

    /// <summary>That of this process.</summary>
    public static TerminalFacts OfProcess() => new(
        !Console.IsErrorRedirected,
        !Console.IsOutputRedirected,
        () => Measure(() => Console.WindowWidth, 80),
        () => Measure(() => Console.WindowHeight, 24))
    {
        InputIsTerminal = !Console.IsInputRedirected,
        ReadHidden = Console.IsInputRedirected ? null : ReadKeys,
    };

    private static string? ReadKeys()
    {
        var line = new System.Text.StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                line.Length = Math.Max(0, line.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                line.Append(key.KeyChar);
            }
        }

        Console.Error.WriteLine();
        return line.Length == 0 ? null : line.ToString();
    }

    private static int Measure(Func<int> measure, int unknown)
    {
        try
        {
            return measure() is > 0 and var columns ? columns : unknown;
        }
        catch (IOException)
        {
            // No terminal to measure.
            return unknown;
        }
    }
}
