namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>Each behaviour that Woodpecker documents, and each key of our own, through the path of a local run.</summary>
public sealed class Documented_behaviour
{
    private static readonly Dictionary<string, Scenario> All = new[]
    {
        StepScenarios.All, OrderScenarios.All, ConditionScenarios.All, StatusScenarios.All, WorkflowScenarios.All, MatrixScenarios.All, EnvironmentScenarios.All, PluginScenarios.All,
        ServiceScenarios.All, CloneScenarios.All, YamlScenarios.All, RightsScenarios.All, OwnKeyScenarios.All, EndingScenarios.All,
    }.SelectMany(scenarios => scenarios).ToDictionary(scenario => scenario.Title);

    public static TheoryData<string> OnDummy => [.. All.Values.Where(scenario => !scenario.OnlyReal).Select(scenario => scenario.Title)];

    public static TheoryData<string> OnContainers => [.. All.Values.Where(scenario => scenario.Real || scenario.OnlyReal).Select(scenario => scenario.Title)];

    [Theory]
    [MemberData(nameof(OnDummy))]
    public Task Holds_on_the_dummy_engine(string title) => ScenarioRun.CheckAsync(All[title], "dummy");

    [Theory]
    [MemberData(nameof(OnContainers))]
    public Task Holds_on_real_containers(string title) => ScenarioRun.CheckAsync(All[title], "oci");

    [Fact]
    public void A_third_of_what_runs_is_run_on_real_containers_too() =>
        Assert.InRange(OnContainers.Count, All.Values.Count(scenario => scenario.Outcomes.Length > 0) / 3, All.Count);
}
