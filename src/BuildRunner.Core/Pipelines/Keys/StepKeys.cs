using static BuildRunner.Core.Pipelines.Keys.CommonKinds;
using static BuildRunner.Core.Pipelines.Keys.ValueKind;

namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>The keys of steps, services and clone steps.</summary>
internal static class StepKeys
{
    private const string NotYet = "it does nothing yet";

    private static readonly KeyDefinition NameKey = new("name", Name, "The name. Without one, a step is `step-0`, `step-1` and so on by its place.");

    private static readonly ValueKind ImageBuild = new ValueKind.Keys(new KeyGroup("build", "an image build",
    [
        new("build", Name, "Folder with what goes into the image, relative to the repository.") { Required = true, Own = true },
        new("file", Name, "The file that says how.") { Default = "`Dockerfile`", Own = true },
        new("args", new Map("NAME", Words), "Build arguments.") { Own = true },
        new("target", Name, "The stage to stop at.") { Own = true },
    ]));

    private static readonly KeyDefinition Image = new("image", new AnyOf(Name, ImageBuild), "The image: what `docker pull` takes, or `rootfs:PATH`.") { Required = true };

    private static readonly KeyDefinition[] Common =
    [
        new("commands", Commands, "Shell commands, run in order by `/bin/sh -e`; the first that fails ends the step."),
        new("entrypoint", new OneOrMany(new Script()), "Replaces the image's entry point. Together with `commands` it gets the script in `CI_SCRIPT`, in Base64."),
        new("environment", CommonKinds.Environment, "Environment variables. `{from_secret: NAME}` takes the value from a secret."),
        new("settings", new Map("NAME", new Data()), "Settings of a plugin; each becomes `PLUGIN_NAME`. Not together with `commands` or `entrypoint`."),
        new("when", WhenKeys.When, "Conditions; one of a list must hold, with all its keys."),
        new("pull", Switch, "`true`: ask the registry each time whether there is a newer image.") { Default = "`false`" },
        new("privileged", Switch, "Asks for all rights over the host. Refused unless an administrator allows it.") { Default = "`false`" },
        new("volumes", Names, "Folders of the host as `source:target[:ro]`. Refused unless an administrator allows it."),
        new("devices", Names, "Devices of the host as `source[:target][:access]`, where access is of `rwm`. Refused unless an administrator allows it."),
        new("directory", Name, "Working directory, relative to the repository or absolute."),
        new("dns", Names, "Addresses of name servers."),
        new("dns_search", Names, "Search domains."),
        new("extra_hosts", Names, "More names, as `name:address`; the address of either version."),
        new("backend_options", BackendOptions(), "Options of one kind of engine."),
        new("resources", Resources, "Limits.") { Own = true },
        new("secrets", new OneOrMany(new AnyOf(Name, new ValueKind.Keys(new KeyGroup("secret", "a secret",
            [
                new("source", Name, "The secret.") { Required = true },
                new("target", Name, "The variable.") { Required = true },
            ])))), "Secrets as variables in capital letters.") { Deprecated = "`environment: {NAME: {from_secret: name}}`" },
        new("tmpfs", Names, "Folders in memory.") { Hidden = true, NoEffect = "`/tmp` and `/dev/shm` are there in any case" },
        new("network_mode", Name, "Docker's network mode.") { Hidden = true, NoEffect = "every workflow has a network of its own; see `network`" },
    ];

    private static readonly KeyDefinition[] OfSteps =
    [
        new("depends_on", Dependencies, "Steps that must have ended first. Once a step of the workflow has this key, steps start as soon as their own dependencies have ended."),
        new("detach", Switch, "`true`: the workflow goes on at once; the step ends with it.") { Default = "`false`" },
        new("failure", new Choice("fail", "ignore", "cancel"),
            "What its failure does: `fail` fails the workflow, `ignore` is noted only, `cancel` also ends the rest of the run, but for what runs on failure.") { Default = "`fail`" },
        new("timeout", Time, "Wall-clock limit of one attempt; the step ends as `timed_out`.") { Own = true },
        new("retry", new AnyOf(new Integer(0, 10), new ValueKind.Keys(new KeyGroup("retry", "a retry",
            [
                new("max", new Integer(0, 10), "Attempts besides the first.") { Required = true, Own = true },
                new("on", new OneOrMany(new Choice("failure", "timed_out", "error", "lost")), "Outcomes that are tried again.") { Default = "all four", Own = true },
                new("exit_codes", new OneOrMany(new Integer(1, 255)), "Only these exit codes.") { Default = "any", Own = true },
                new("delay", Time, "Time before each attempt.") { Default = "none", Own = true },
            ]))), "New attempts, each in a fresh container; all are kept.") { Default = "`0`", Own = true },
        new("network", new Choice("run", "none"), "`run`: the workflow's network; `none`: loopback only.") { Default = "`run`", Own = true },
        new("allow_exit_codes", new OneOrMany(new Integer(1, 255)), "Exit codes that count as success, with a warning.") { Own = true },
        new("outputs", Names, "Names of the outputs that the step writes as `NAME=value` lines to the file `$CI_OUTPUT`, at most 256 KiB. May be left out; if written, a reference to another name is an error.") { Own = true },
        new("permissions", new ValueKind.Keys(new KeyGroup("permissions", "permissions",
            [new("secrets", new Choice("all", "none"), "`none`: the step gets no secret, whatever it names.") { Default = "`all`", Own = true }])), "What the step may have.") { Own = true },
        new("cache", Cache, "Folders kept from one run to the next.") { Own = true, NoEffect = NotYet },
        new("artifacts", new OneOrMany(new ValueKind.Keys(new KeyGroup("artifacts", "artifacts",
            [
                new("paths", Globs, "Files to keep.") { Required = true, Own = true },
                new("exclude", Globs, "Files not to keep.") { Own = true },
                new("name", Name, "The name.") { Default = "the step's", Own = true },
                new("when", new Choice("success", "failure", "always"), "After which result.") { Default = "`success`", Own = true },
                new("expire_in", Time, "How long they are kept.") { Own = true },
            ]))), "Files kept after the run.") { Own = true, NoEffect = NotYet },
        new("needs_artifacts", Names, "Artifacts of other workflows to bring.") { Own = true, NoEffect = NotYet },
        new("reports", new ValueKind.Keys(new KeyGroup("reports", "reports",
            [
                new("junit", Globs, "Test results in JUnit's format; on a server, what failed is marked at its lines.") { Own = true },
                new("coverage", Globs, "Coverage, in Cobertura's format.") { Own = true, NoEffect = NotYet },
            ])), "Files that the step leaves for people.") { Own = true },
        new("group", Name, "Steps next to each other with the same group run at the same time.") { Deprecated = "`depends_on`" },
    ];

    private static readonly KeyDefinition[] OfServices =
    [
        new("ports", new OneOrMany(Name), "Ports that it serves, as `5432` or `53/udp`; for information."),
        new("failure", new Choice("fail", "ignore"), "Whether its failure, before it is asked to end, fails the workflow.") { Default = "`fail`" },
        new("healthcheck", new ValueKind.Keys(new KeyGroup("healthcheck", "a health check",
            [
                new("test", new OneOrMany(new Script()), "A shell command, or a program and its arguments; `CMD`, `CMD-SHELL` and `NONE` as first word mean what they mean in Compose.") { Required = true, Own = true },
                new("interval", Time, "Time between checks.") { Default = "`1s`", Own = true },
                new("timeout", Time, "Longest time of one check.") { Default = "`30s`", Own = true },
                new("retries", new Integer(1, 1000), "Failures in a row that make it unhealthy.") { Default = "`30`", Own = true },
                new("start_period", Time, "Time in which failures do not count.") { Default = "none", Own = true },
            ])), "How to find out that the service is ready; steps wait for it. Without it: the image's own check, or none.") { Own = true },
    ];

    /// <summary>A step.</summary>
    public static readonly KeyGroup Step = new("step", "a step", [NameKey, Image, .. Common, .. OfSteps]);

    /// <summary>A service.</summary>
    public static readonly KeyGroup Service = new("service", "a service",
        [NameKey with { Description = "The name; steps reach the service under it. Required in a list." }, Image, .. Common, .. OfServices]);

    /// <summary>A clone step. Settings that stand beside <c>image</c> are those of very old files.</summary>
    public static readonly KeyGroup Clone = new("clone", "a clone step", [NameKey, Image, .. Common])
    {
        Others = new Anything(),
        OthersDeprecated = "it is not used; put it under `settings`",
    };

    private static ValueKind.Keys BackendOptions() => new ValueKind.Keys(new KeyGroup("backend_options", "engine options",
    [
        new("docker", new ValueKind.Keys(new KeyGroup("docker", "Docker options",
            [new("user", Name, "User, or `user:group`, that the container runs as.")]) { Others = new Anything() }), "Options of Docker, which hold for BuildRunner's engine too."),
    ])
    { Others = new Anything() });
}
