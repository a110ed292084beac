using System.CommandLine;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Running;

/// <summary>The options that <c>run</c> and <c>shell</c> share: what the pipeline is run for, with what, and on which engine.</summary>
internal sealed class JobFlags
{
    private readonly Option<string> engine = Of<string>("--engine", "KIND", "container engine: oci, docker, or dummy, which runs nothing").Among("oci", "docker", "dummy");
    private readonly Option<string?> kind = new Option<string?>("--event") { Description = "run as for this event (default: push)", HelpName = "NAME" };
    private readonly Option<string?> branch = Of<string?>("--branch", "NAME", "run as on this branch");
    private readonly Option<string?> payload = Of<string?>("--payload", "FILE", "the event as GitHub sends it (JSON); with --event webhook or manual, its members are inputs");
    private readonly Option<string?> metadata = Of<string?>("--metadata", "FILE", "the event's facts from a metadata file, as a run page offers it");
    private readonly Option<string[]> input = Of<string[]>("--input", "NAME=VALUE", "the value of an input");
    private readonly Option<string[]> matrix = Of<string[]>("--matrix", "KEY=VALUE", "only the matrix cells with this value");
    private readonly Option<string[]> env = Of<string[]>("--env", "NAME[=VALUE]", "environment of all steps; without a value, this process's");
    private readonly Option<string[]> envFile = Of<string[]>("--env-file", "FILE", "lines NAME=VALUE");
    private readonly Option<string[]> secret = Of<string[]>("--secret", "NAME[=VALUE]", "a secret; without a value, this process's environment");
    private readonly Option<string[]> secretFile = Of<string[]>("--secret-file", "FILE", "lines NAME=VALUE");
    private readonly Option<string[]> imageMap = Of<string[]>("--image-map", "FROM=TO", "another image in the place of one that steps name, as node:22=rootfs:/");
    private readonly Option<string[]> imageMapFile = Of<string[]>("--image-map-file", "FILE", "lines FROM=TO");
    private readonly Option<string> pull = Of<string>("--pull", "WHEN", "ask registries: always, missing or never").Among("always", "missing", "never");
    private readonly Option<bool> offline = new("--offline") { Description = "ask no registry; same as --pull never" };
    private readonly Option<bool> inPlace = new("--in-place") { Description = "let steps write to the working tree itself" };

    /// <summary>Whether steps write to the working tree itself.</summary>
    public Option<bool> InPlace => inPlace;

    /// <summary>Adds all of them.</summary>
    public void AddTo(Command command)
    {
        kind.AcceptOnlyFromAmong("push", "pull_request", "pull_request_closed", "tag", "release", "deployment", "cron", "manual", "webhook");
        foreach (var option in new Option[] { engine, kind, branch, payload, metadata, input, matrix, env, envFile, secret, secretFile, imageMap, imageMapFile, pull, offline, inPlace })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(offline) && result.GetValue(pull) is "always" or "missing")
            {
                result.AddError($"--offline and --pull {result.GetValue(pull)} exclude each other: --offline asks no registry");
            }

            if (result.GetValue(payload) is not null && result.GetValue(metadata) is not null)
            {
                result.AddError("--payload and --metadata exclude each other: both say what the run is for");
            }
        });
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
    }

    /// <summary>What was given, read and checked.</summary>
    /// <exception cref="CliException">A file cannot be read, or a value is missing.</exception>
    public RunRequest Read(ParseResult parsed, CliHost host, string? file)
    {
        string? Resolve(string? path) => path is null ? null : Path.GetFullPath(path, host.Directory);
        return new()
        {
            File = file,
            Event = parsed.GetValue(kind),
            Branch = parsed.GetValue(branch),
            Payload = Resolve(parsed.GetValue(payload)),
            Metadata = Resolve(parsed.GetValue(metadata)),
            Inputs = NameValues.Read("--input", null, parsed.GetValue(input), host),
            Choice = StepChoice.All with { Matrix = MatrixChoice.Read(parsed.GetValue(matrix) ?? []) },
            Environment = NameValues.Read("--env", parsed.GetValue(envFile), parsed.GetValue(env), host),
            Secrets = NameValues.Read("--secret", parsed.GetValue(secretFile), parsed.GetValue(secret), host),
            ImageMap = Running.ImageMap.Read(parsed.GetValue(imageMapFile) ?? [], parsed.GetValue(imageMap) ?? [], host),
            InPlace = parsed.GetValue(inPlace),
            Again = Again(parsed),
        };
    }

    // Secrets by name only: a command that is shown must not show them.
    private List<string> Again(ParseResult parsed)
    {
        var words = new List<string>();
        foreach (var option in new Option[] { engine, kind, branch, payload, metadata, input, matrix, env, envFile, secretFile, imageMap, imageMapFile, pull, offline, inPlace })
        {
            if (parsed.GetResult(option) is { Implicit: false } result)
            {
                words.AddRange(result.Tokens.Count == 0 ? [option.Name] : result.Tokens.SelectMany(t => new[] { option.Name, t.Value }));
            }
        }

        words.AddRange((parsed.GetValue(secret) ?? []).SelectMany(s => new[] { "--secret", s.Split('=')[0] }));
        return words;
    }

    /// <summary>An option with a value.</summary>
    public static Option<T> Of<T>(string name, string value, string description) => new(name) { Description = description, HelpName = value };
}
