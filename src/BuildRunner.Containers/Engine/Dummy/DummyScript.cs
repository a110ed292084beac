using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Engine.Dummy;

/// <summary>What the environment of a container tells the dummy engine to do.</summary>
/// <remarks>
/// <c>SLEEP=1m30s</c> takes that long; a service without it lives until it is stopped. <c>STEP_EXIT_CODE=N</c> exits with N.
/// <c>STEP_OOM_KILLED=true</c> was out of memory. <c>STEP_START_FAIL=true</c> cannot be started. <c>STEP_TAIL_FAIL=true</c>: its output cannot
/// be read. <c>EXPECT_TYPE=T</c> (also <c>STEP_TYPE</c>) cannot be started unless the step is a <c>commands</c>, <c>plugin</c>, <c>clone</c> or
/// <c>service</c>, as T says.
/// </remarks>
internal sealed partial class DummyScript
{
    private readonly ContainerSpec spec;
    private readonly Dictionary<string, string> environment;

    private DummyScript(ContainerSpec spec, Dictionary<string, string> environment)
    {
        this.spec = spec;
        this.environment = environment;
    }

    public TimeSpan? Sleep { get; private init; }

    public ContainerExit Exit =>
        IsTrue("STEP_OOM_KILLED") ? new ContainerExit.OutOfMemory(null)
        : int.TryParse(Get("STEP_EXIT_CODE"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var code) ? new ContainerExit.Exited(code)
        : new ContainerExit.Exited(0);

    private string Type => spec.Labels.GetValueOrDefault(ContainerLabels.StepType, "");

    /// <exception cref="ContainerException"><c>SLEEP</c> is not a duration.</exception>
    public static DummyScript Of(ContainerSpec spec, StartSpec start)
    {
        var environment = new Dictionary<string, string>(spec.Environment, StringComparer.Ordinal);
        foreach (var (name, value) in start.Environment)
        {
            environment[name] = value;
        }

        return new DummyScript(spec, environment) { Sleep = environment.TryGetValue("SLEEP", out var sleep) ? ParseDuration(spec.Name, sleep) : null };
    }

    /// <exception cref="ContainerException">The environment says that it cannot be started, or its output not be read.</exception>
    public void Start()
    {
        if (IsTrue("STEP_START_FAIL"))
        {
            throw new ContainerException(ContainerFailure.Internal, $"'{spec.Name}' cannot be started, as STEP_START_FAIL says");
        }

        if ((Get("EXPECT_TYPE") ?? Get("STEP_TYPE")) is { } expected && expected != Type)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"'{spec.Name}' is of type '{Type}', and EXPECT_TYPE says '{expected}'");
        }

        if (IsTrue("STEP_TAIL_FAIL"))
        {
            throw new ContainerException(ContainerFailure.Internal, $"the output of '{spec.Name}' cannot be read, as STEP_TAIL_FAIL says");
        }
    }

    /// <summary>What it prints: who it is, and the commands that a real engine would have run.</summary>
    public byte[] Output()
    {
        var text = new StringBuilder().Append("StepName: ").Append(spec.Name).Append("\nStepType: ").Append(Type).Append("\nStepCommands:\n------------------\n");
        foreach (var line in spec.Files.Where(f => f.Name == "script").SelectMany(f => Encoding.UTF8.GetString(f.Content.Span).Split('\n')))
        {
            // What is there for a real shell only: the lines that echo the commands would show each of them twice.
            if (line.Length > 0 && line != "unset CI_SCRIPT" && !line.StartsWith("printf '%s\\n' '+ ", StringComparison.Ordinal))
            {
                text.Append(line).Append('\n');
            }
        }

        return Encoding.UTF8.GetBytes(text.Append("------------------\n").ToString());
    }

    private static TimeSpan ParseDuration(string name, string text)
    {
        if (text.Trim() == "0")
        {
            return TimeSpan.Zero;
        }

        var match = GoDuration().Match(text.Trim());
        if (!match.Success)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"SLEEP of '{name}' is '{text}', which is not a duration such as 100ms or 1m30s");
        }

        var total = TimeSpan.Zero;
        for (var i = 0; i < match.Groups["number"].Captures.Count; i++)
        {
            var number = double.Parse(match.Groups["number"].Captures[i].Value, CultureInfo.InvariantCulture);
            total += number * UnitOf(match.Groups["unit"].Captures[i].Value);
        }

        return total;
    }

    private static TimeSpan UnitOf(string unit) => unit switch
    {
        "h" => TimeSpan.FromHours(1),
        "m" => TimeSpan.FromMinutes(1),
        "s" => TimeSpan.FromSeconds(1),
        "ms" => TimeSpan.FromMilliseconds(1),
        "ns" => TimeSpan.FromTicks(1) / 100,
        _ => TimeSpan.FromMicroseconds(1),
    };

    private string? Get(string name) => environment.GetValueOrDefault(name);

    private bool IsTrue(string name) => Get(name) is "1" or "t" or "T" or "true" or "True" or "TRUE";

    [GeneratedRegex(@"\A((?<number>[0-9]+(\.[0-9]+)?)(?<unit>h|ms|m|s|us|µs|ns))+\z", RegexOptions.ExplicitCapture)]
    private static partial Regex GoDuration();
}
