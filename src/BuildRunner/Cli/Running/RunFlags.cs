using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Running;

/// <summary>The options of <c>run</c>.</summary>
internal sealed class RunFlags
{
    private readonly Argument<string?> file = new("FILE") { Description = "a pipeline file, or a directory that has one; this directory's if left out", Arity = ArgumentArity.ZeroOrOne };
    private readonly JobFlags job = new();
    private readonly Option<string[]> step = JobFlags.Of<string[]>("--step", "NAME", "only this step, without what it depends on");
    private readonly Option<string?> until = JobFlags.Of<string?>("--until", "NAME", "this step, and what it depends on");
    private readonly Option<string?> from = JobFlags.Of<string?>("--from", "NAME", "this step, and what depends on it");
    private readonly Option<string> progress = JobFlags.Of<string>("--progress", "HOW", "auto, tty, plain, json or quiet").Among("auto", "tty", "plain", "json", "quiet");
    private readonly Option<string> ci = JobFlags.Of<string>("--ci", "WHICH", "fold the output for this CI's log: auto, github, gitlab or none").Among("auto", "github", "gitlab", "none");
    private readonly Option<string?> timestamps = new("--timestamps") { Description = "time before each line: elapsed, utc or local", HelpName = "HOW", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<int?> jobs = JobFlags.Of<int?>("--jobs", "N", "steps at once").Between(1, 1024);
    private readonly Option<string> timeout = JobFlags.Of<string>("--timeout", "TIME", "time limit of each workflow that sets none: 90s, 10m, 2h").As(SettingKeys.PipelinesDefaultTimeout);
    private readonly Option<string> output = JobFlags.Of<string>("--out", "DIR", "copy what the steps changed in the tree to this directory");
    private readonly Option<string> report = JobFlags.Of<string>("--report", "FILE", "write the steps' results as a JUnit report (XML)");
    private readonly Option<bool> keep = new("--keep") { Description = "keep the containers of steps that fail, for 'shell STEP'" };
    private readonly Option<string[]> keepStep = JobFlags.Of<string[]>("--keep-step", "NAME", "keep this step's container however it ends");
    private readonly Option<bool> debug = new("--debug") { Description = "open a shell in the container of each step that fails" };
    private readonly Option<string?> exitCodeFrom = JobFlags.Of<string?>("--exit-code-from", "NAME", "exit with this step's exit code");

    /// <summary>Adds all of them.</summary>
    public void AddTo(Command command)
    {
        command.Add(file);
        job.AddTo(command);
        foreach (var option in new Option[] { step, until, from, progress, ci, timestamps, jobs, timeout, output, report, keep, keepStep, debug, exitCodeFrom })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(job.InPlace) && result.GetValue(output) is not null)
            {
                result.AddError("--in-place and --out exclude each other: with --in-place the changes are in the tree already");
            }

            if (result.GetValue(step) is { Length: > 0 } && (result.GetValue(until) ?? result.GetValue(from)) is not null)
            {
                result.AddError("--step excludes --until and --from: it names the steps one by one");
            }
        });
        timestamps.AcceptOnlyFromAmong("elapsed", "utc", "local");
    }

    /// <summary>What was given for settings.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings(ParseResult parsed) => parsed.GetValue(timeout) is { } limit
        ? job.Settings(parsed).Append(new(SettingKeys.PipelinesDefaultTimeout, limit))
        : job.Settings(parsed);

    /// <summary>What was given, read and checked.</summary>
    /// <exception cref="CliException">A file cannot be read, a value is missing, or what is wanted cannot be had here.</exception>
    public RunRequest Read(ParseResult parsed, CliHost host, EffectiveSettings settings, bool quiet)
    {
        var common = job.Read(parsed, host, parsed.GetValue(file));
        var debugging = parsed.GetValue(debug);
        if (debugging && !host.Terminal.InputIsTerminal)
        {
            throw new CliException(ExitCode.Usage, "--debug needs a terminal, for the shell; --keep keeps the container for a later 'buildrunner shell STEP'");
        }

        if (settings.Text(SettingKeys.EngineKind) == "dummy" && (debugging || parsed.GetValue(keep) || parsed.GetValue(keepStep) is { Length: > 0 }))
        {
            throw new CliException(ExitCode.Usage, "--keep and --debug need a container, and the engine dummy has none");
        }

        return common with
        {
            Choice = common.Choice with { Steps = parsed.GetValue(step) ?? [], Until = parsed.GetValue(until), From = parsed.GetValue(from) },
            Progress = quiet ? ProgressMode.Quiet : ProgressOf(parsed, host, debugging),
            Ci = CiOf(parsed, host),
            Timestamps = TimestampsOf(parsed),
            Jobs = parsed.GetValue(jobs) ?? Math.Max(4, Environment.ProcessorCount),
            Timeout = settings.Duration(SettingKeys.PipelinesDefaultTimeout),
            OutDirectory = parsed.GetValue(output) is { } directory ? Path.GetFullPath(directory, host.Directory) : null,
            Report = parsed.GetValue(report) is { } path ? Path.GetFullPath(path, host.Directory) : null,
            Keep = parsed.GetValue(keep),
            KeepSteps = parsed.GetValue(keepStep) ?? [],
            Debug = debugging,
            ExitCodeFrom = parsed.GetValue(exitCodeFrom),
        };
    }

    private ProgressMode ProgressOf(ParseResult parsed, CliHost host, bool debugging)
    {
        var word = parsed.GetValue(progress) ?? host.Environment.GetValueOrDefault("BUILDRUNNER_PROGRESS", "auto");
        var live = host.Terminal.ErrorIsTerminal && host.Environment.GetValueOrDefault("TERM") != "dumb";
        return word switch
        {
            "auto" or "plain" when debugging => ProgressMode.Plain,
            _ when debugging => throw new CliException(ExitCode.Usage, $"--debug shows the run as --progress plain does, and not as {word}: a shell has to have the terminal to itself"),
            "plain" => ProgressMode.Plain,
            "json" => ProgressMode.Json,
            "quiet" => ProgressMode.Quiet,
            "tty" when live => ProgressMode.Live,
            "tty" => throw new CliException(ExitCode.Usage, "--progress tty needs a terminal on standard error; take plain"),
            "auto" => live ? ProgressMode.Live : CiOf(parsed, host) == CiKind.None ? ProgressMode.Plain : ProgressMode.Folded,
            _ => throw new CliException(ExitCode.Usage, $"BUILDRUNNER_PROGRESS takes auto, tty, plain, json or quiet; it is '{word}'"),
        };
    }

    private CiKind CiOf(ParseResult parsed, CliHost host) => parsed.GetValue(ci) switch
    {
        "github" => CiKind.GitHub,
        "gitlab" => CiKind.GitLab,
        "none" => CiKind.None,
        _ => CiKinds.Detect(host.Environment),
    };

    private TimestampMode TimestampsOf(ParseResult parsed) => parsed.GetResult(timestamps) is null
        ? TimestampMode.None
        : parsed.GetValue(timestamps) switch
        {
            "utc" => TimestampMode.Utc,
            "local" => TimestampMode.Local,
            _ => TimestampMode.Elapsed,
        };
}
