using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Running;

/// <summary>The options of <c>run</c>.</summary>
internal sealed class RunFlags
{
    private readonly Argument<string?> file = new("FILE") { Description = "a pipeline file, or a directory that has one; this directory's if left out", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> engine = Of<string>("--engine", "KIND", "container engine: oci, docker, or dummy, which runs nothing").Among("oci", "docker", "dummy");
    private readonly Option<string> progress = Of<string>("--progress", "HOW", "auto, tty, plain, json or quiet").Among("auto", "tty", "plain", "json", "quiet");
    private readonly Option<string?> timestamps = new("--timestamps") { Description = "time before each line: elapsed, utc or local", HelpName = "HOW", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> kind = Of<string>("--event", "NAME", "run as for this event (default: push)")
        .Among("push", "pull_request", "pull_request_closed", "tag", "release", "deployment", "cron", "manual", "webhook");

    private readonly Option<string> branch = Of<string>("--branch", "NAME", "run as on this branch");
    private readonly Option<string[]> env = Of<string[]>("--env", "NAME[=VALUE]", "environment of all steps; without a value, this process's");
    private readonly Option<string[]> envFile = Of<string[]>("--env-file", "FILE", "lines NAME=VALUE");
    private readonly Option<string[]> secret = Of<string[]>("--secret", "NAME[=VALUE]", "a secret; without a value, this process's environment");
    private readonly Option<string[]> secretFile = Of<string[]>("--secret-file", "FILE", "lines NAME=VALUE");
    private readonly Option<int?> jobs = Of<int?>("--jobs", "N", "steps at once");
    private readonly Option<string> timeout = Of<string>("--timeout", "TIME", "time limit of each workflow that sets none: 90s, 10m, 2h");
    private readonly Option<string> pull = Of<string>("--pull", "WHEN", "ask registries: always, missing or never").Among("always", "missing", "never");
    private readonly Option<bool> offline = new("--offline") { Description = "ask no registry; same as --pull never" };
    private readonly Option<bool> inPlace = new("--in-place") { Description = "let steps write to the working tree itself" };
    private readonly Option<string> output = Of<string>("--out", "DIR", "copy what the steps changed in the tree to this directory");

    /// <summary>Adds all of them.</summary>
    public void AddTo(Command command)
    {
        command.Add(file);
        foreach (var option in new Option[] { engine, progress, timestamps, kind, branch, env, envFile, secret, secretFile, jobs, timeout, pull, offline, inPlace, output })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(inPlace) && result.GetValue(output) is not null)
            {
                result.AddError("--in-place and --out exclude each other: with --in-place the changes are in the tree already");
            }
        });
        jobs.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 1024)
            {
                result.AddError("--jobs takes a number from 1 to 1024");
            }
        });
        timestamps.AcceptOnlyFromAmong("elapsed", "utc", "local");
    }

    /// <summary>What was given for settings.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings(ParseResult parsed)
    {
        if (parsed.GetValue(engine) is { } kindOfEngine)
        {
            yield return new(SettingKeys.EngineKind, kindOfEngine);
        }

        if ((parsed.GetValue(offline) ? "never" : parsed.GetValue(pull)) is { } when)
        {
            yield return new(SettingKeys.ImagesPull, when);
        }

        if (parsed.GetValue(timeout) is { } limit)
        {
            yield return new(SettingKeys.PipelinesDefaultTimeout, limit);
        }
    }

    /// <summary>What was given, read and checked.</summary>
    /// <exception cref="CliException">A file cannot be read, or a value is missing.</exception>
    public RunRequest Read(ParseResult parsed, CliHost host, EffectiveSettings settings, bool quiet) => new()
    {
        File = parsed.GetValue(file),
        Event = parsed.GetValue(kind) ?? "push",
        Branch = parsed.GetValue(branch),
        Environment = NameValues.Read("--env", parsed.GetValue(envFile), parsed.GetValue(env), host),
        Secrets = NameValues.Read("--secret", parsed.GetValue(secretFile), parsed.GetValue(secret), host),
        Progress = quiet ? ProgressMode.Quiet : ProgressOf(parsed, host),
        Timestamps = TimestampsOf(parsed),
        Jobs = parsed.GetValue(jobs) ?? Math.Max(4, Environment.ProcessorCount),
        Timeout = settings.Duration(SettingKeys.PipelinesDefaultTimeout),
        InPlace = parsed.GetValue(inPlace),
        OutDirectory = parsed.GetValue(output) is { } directory ? Path.GetFullPath(directory, host.Directory) : null,
    };

    private ProgressMode ProgressOf(ParseResult parsed, CliHost host)
    {
        var word = parsed.GetValue(progress) ?? host.Environment.GetValueOrDefault("BUILDRUNNER_PROGRESS", "auto");
        var live = host.Terminal.ErrorIsTerminal && host.Environment.GetValueOrDefault("TERM") != "dumb";
        return word switch
        {
            "plain" => ProgressMode.Plain,
            "json" => ProgressMode.Json,
            "quiet" => ProgressMode.Quiet,
            "tty" when live => ProgressMode.Live,
            "tty" => throw new CliException(ExitCode.Usage, "--progress tty needs a terminal on standard error; take plain"),
            "auto" => live ? ProgressMode.Live : ProgressMode.Plain,
            _ => throw new CliException(ExitCode.Usage, $"BUILDRUNNER_PROGRESS takes auto, tty, plain, json or quiet; it is '{word}'"),
        };
    }

    private TimestampMode TimestampsOf(ParseResult parsed) => parsed.GetResult(timestamps) is null
        ? TimestampMode.None
        : parsed.GetValue(timestamps) switch
        {
            "utc" => TimestampMode.Utc,
            "local" => TimestampMode.Local,
            _ => TimestampMode.Elapsed,
        };

    private static Option<T> Of<T>(string name, string value, string description) => new(name) { Description = description, HelpName = value };
}
