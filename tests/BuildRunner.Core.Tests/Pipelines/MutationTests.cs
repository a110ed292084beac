using System.Globalization;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Tests.Planning;
using CsCheck;

namespace BuildRunner.Core.Tests.Pipelines;

public sealed class MutationTests
{
    private static readonly Gen<int> StepCount = Gen.Int[2, 12];

    private static readonly (string Code, Func<int, string> Keys)[] Mutations =
    [
        ("BR1020", _ => "comands: make"),
        ("BR1021", _ => "detach: perhaps"),
        ("BR1021", _ => "directory: {a: b}"),
        ("BR1022", _ => "failure: ignored"),
        ("BR1023", _ => "retry: 11"),
        ("BR1024", _ => "timeout: 10 minutes"),
        ("BR1025", _ => "resources: {memory: lots}"),
        ("BR1026", _ => "when: {branch: 'a['}"),
        ("BR1027", _ => "when: {evaluate: 'CI_COMMIT_BRANCH = 1'}"),
        ("BR1028", _ => "commands: 'echo ${A'"),
        ("BR1041", _ => "depends_on: nobody"),
        ("BR1042", step => string.Create(CultureInfo.InvariantCulture, $"depends_on: [s{step}]")),
        ("BR1048", _ => "environment: {A: '${steps.nobody.outputs.x}'}"),
    ];

    [Fact]
    public void A_valid_file_passes()
    {
        StepCount.Sample(count => Assert.Empty(Plans.Result(File(count, -1, "")).Diagnostics), iter: 50, threads: 1);
    }

    [Fact]
    public void One_mutation_is_refused_at_its_line()
    {
        Gen.Select(StepCount, Gen.Int[0, 11], Gen.Int[0, Mutations.Length - 1]).Sample((count, place, mutation) =>
        {
            var step = place % count;
            var (code, keys) = Mutations[mutation];
            var yaml = File(count, step, keys(step));
            var error = Assert.Single(Planner.Lint([Plans.Source(yaml)]), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
            Assert.Equal((code, 2 + (step * 4) + 3), (error.Code, error.Location.Line));
            Assert.Equal(error, Assert.Single(Plans.Errors(yaml)));
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void Any_bytes_end_in_a_plan_or_a_diagnostic()
    {
        Gen.Byte.Array[0, 400].Sample(bytes =>
        {
            var result = Planner.Plan([new PipelineSource("a.yml", bytes)], Plans.Push);
            Assert.True(result.Plan is not null || result.Diagnostics.Count > 0);
        }, iter: 2000, threads: 1);
    }

    [Fact]
    public void Data_with_any_content_changes_no_structure()
    {
        const string yaml = "labels: {l: '${V}'}\nsteps:\n- name: a\n  image: x\n  commands: ['echo \"${V}\"', \"echo '${V}'\"]\n  environment: {E: '${V}'}\n- name: p\n  image: y\n  settings: {s: '${V}', m: {k: ['${V}', {z: 1}]}}\n";
        var calm = Shape(Plans.Workflow(yaml, Plans.Push.With("V", "calm")));
        Gen.String.Sample(value => Assert.Equal(calm, Shape(Plans.Workflow(yaml, Plans.Push.With("V", "x" + value)))), iter: 500, threads: 1);
    }

    private static string Shape(WorkflowPlan workflow) =>
        string.Join(';', workflow.Steps.Select(step => $"{step.Name} {step.Image} {step.Commands.Count} {string.Join(',', step.Environment.Keys.Where(key => key != "V").Order(StringComparer.Ordinal))} {string.Join(',', step.DependsOn)}"))
        + string.Join(',', workflow.Labels.Keys);

    // Each step takes four lines behind two; the mutation stands in the third of them.
    private static string File(int count, int mutated, string mutation) => "labels: {a: b}\nsteps:\n" + string.Concat(Enumerable.Range(0, count).Select(step =>
        string.Create(CultureInfo.InvariantCulture, $"- name: s{step}\n  image: x\n  {(step == mutated ? mutation : "pull: true")}\n  privileged: false\n")));
}
