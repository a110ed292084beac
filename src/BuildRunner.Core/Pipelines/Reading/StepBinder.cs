using System.Globalization;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Makes <see cref="StepFile"/>s of checked nodes.</summary>
internal static class StepBinder
{
    private static readonly string[] EveryOutcome = ["failure", "timed_out", "error", "lost"];

    /// <summary>Steps of a list or a mapping, in file order.</summary>
    /// <param name="node">The list or mapping, or null.</param>
    /// <param name="prefix">Begins the names of those without one: <c>step-0</c>.</param>
    public static IReadOnlyList<StepFile> BindAll(YamlNode? node, string prefix) => node switch
    {
        YamlNode.Sequence list =>
            [.. list.Items.Select((item, index) => item is YamlNode.Mapping step ? Bind(step, step.Text("name"), $"{prefix}-{index}") : null).OfType<StepFile>()],
        YamlNode.Mapping map =>
            [.. map.Entries.Select(entry => entry.Value is YamlNode.Mapping step ? Bind(step, step.Text("name") ?? new TextFile(entry.Key, entry.KeyLocation), entry.Key) : null).OfType<StepFile>()],
        _ => [],
    };

    private static StepFile Bind(YamlNode.Mapping step, TextFile? name, string otherwise) => new()
    {
        Name = name?.Text ?? otherwise,
        Named = name is not null,
        Location = name?.Location ?? step.Location,
        Image = step.Text("image")?.Text,
        Build = step.Map("image") is { } build && build.Text("build") is { } folder
            ? new ImageBuildPlan(folder.Text) { File = build.Text("file")?.Text, Arguments = build.Pairs("args"), Target = build.Text("target")?.Text }
            : null,
        Commands = step.Texts("commands"),
        Entrypoint = step.Texts("entrypoint"),
        Environment = [.. Environment(step), .. Secrets(step)],
        Settings = step.EntriesOf("settings"),
        When = WhenBinder.Bind(step),
        DependsOn = step.Get("depends_on") is null ? null : Dependencies(step),
        Group = step.Text("group")?.Text,
        Failure = step.Text("failure")?.Text switch
        {
            "ignore" => FailureMode.Ignore,
            "cancel" => FailureMode.Cancel,
            _ => FailureMode.Fail,
        },
        Detach = step.Flag("detach") ?? false,
        Pull = step.Flag("pull") ?? false,
        Privileged = step.Flag("privileged") ?? false,
        Timeout = step.Time("timeout"),
        Retry = Retry(step),
        Directory = step.Text("directory"),
        User = step.Map("backend_options")?.Map("docker")?.Text("user")?.Text,
        Volumes = step.Texts("volumes"),
        Devices = step.Texts("devices"),
        Dns = step.Texts("dns"),
        DnsSearch = step.Texts("dns_search"),
        ExtraHosts = step.Texts("extra_hosts"),
        Ports = step.Texts("ports"),
        Resources = Resources(step),
        Networked = step.Text("network")?.Text != "none",
        AllowedExitCodes = Numbers(step, "allow_exit_codes"),
        Outputs = step.Get("outputs") is null ? null : step.Words("outputs"),
        WithoutSecrets = step.Map("permissions")?.Text("secrets")?.Text == "none",
        HealthCheck = HealthCheck(step),
        TestReports = step.Map("reports")?.Words("junit") ?? [],
    };

    /// <summary>Dependencies of a step or a workflow.</summary>
    public static IReadOnlyList<DependencyFile> Dependencies(YamlNode.Mapping mapping) =>
    [
        .. mapping.OneOrMany("depends_on").Select(node => node switch
        {
            YamlNode.Scalar { Text.Length: > 0 } name => new DependencyFile(name.Text, false, name.Location),
            YamlNode.Mapping map when map.Text("name") is { } name => new DependencyFile(name.Text, map.Flag("optional") ?? false, name.Location),
            _ => null,
        }).OfType<DependencyFile>(),
    ];

    /// <summary>Limits of a step or a workflow.</summary>
    public static ResourcePlan Resources(YamlNode.Mapping mapping) => mapping.Map("resources") is not { } limits
        ? ResourcePlan.None
        : new ResourcePlan(
            limits.Text("memory") is { } memory ? Sizes.Parse(memory.Text) : null,
            limits.Text("cpus") is { } cpus && double.TryParse(cpus.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null,
            limits.Whole("pids"),
            limits.Text("disk") is { } disk ? Sizes.Parse(disk.Text) : null);

    // A list of NAME=value is the old form; what has no equals sign was reported.
    private static IEnumerable<YamlEntry> Environment(YamlNode.Mapping step) => step.Get("environment") is YamlNode.Sequence list
        ? list.Items.OfType<YamlNode.Scalar>().Where(item => item.Text.IndexOf('=') > 0).Select(item =>
        {
            var equals = item.Text.IndexOf('=');
            return new YamlEntry(item.Text[..equals], item.Location, new YamlNode.Scalar(item.Location, item.Text[(equals + 1)..], plain: false));
        })
        : step.EntriesOf("environment");

    // Old lists of secrets: a name becomes a variable in capital letters.
    private static IEnumerable<YamlEntry> Secrets(YamlNode.Mapping step) => step.OneOrMany("secrets").Select(node => node switch
    {
        YamlNode.Scalar { Text.Length: > 0 } name => Secret(name.Text.ToUpperInvariant(), name.Text, name.Location),
        YamlNode.Mapping map when map.Text("source") is { } source && map.Text("target") is { } target => Secret(target.Text.ToUpperInvariant(), source.Text, source.Location),
        _ => null,
    }).OfType<YamlEntry>();

    private static YamlEntry Secret(string variable, string name, SourceLocation location) =>
        new(variable, location, new YamlNode.Mapping(location, [new YamlEntry("from_secret", location, new YamlNode.Scalar(location, name, plain: false))]));

    private static HashSet<int> Numbers(YamlNode.Mapping mapping, string key) => [.. mapping.Words(key).Select(NodeValues.Whole).OfType<int>()];

    private static RetryPlan Retry(YamlNode.Mapping step)
    {
        if (step.Map("retry") is not { } map)
            return step.Whole("retry") is { } max and > 0 ? new RetryPlan(max, EveryOutcome.ToHashSet(), new HashSet<int>(), TimeSpan.Zero) : RetryPlan.None;
        var outcomes = map.Words("on");
        return new RetryPlan(map.Whole("max") ?? 0, (outcomes.Count > 0 ? outcomes : EveryOutcome).ToHashSet(), Numbers(map, "exit_codes"), map.Time("delay") ?? TimeSpan.Zero);
    }

    private static HealthCheckFile? HealthCheck(YamlNode.Mapping step)
    {
        if (step.Map("healthcheck") is not { } map || map.Texts("test") is not { Count: > 0 } test || test[0].Text == "NONE")
            return null;
        var word = map.Get("test") is YamlNode.Sequence ? test[0].Text : "";
        var isShell = map.Get("test") is YamlNode.Scalar || word == "CMD-SHELL";
        var command = word is "CMD" or "CMD-SHELL" ? [.. test.Skip(1)] : test;
        return command.Count == 0 ? null : new HealthCheckFile(command, isShell, new HealthCheckPlan(
            [],
            map.Time("interval") ?? TimeSpan.FromSeconds(1),
            map.Time("timeout") ?? TimeSpan.FromSeconds(30),
            map.Whole("retries") ?? 30,
            map.Time("start_period") ?? TimeSpan.Zero));
    }
}
