using System.Collections.Immutable;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>Conditions that depend on outputs of earlier steps, from the file to the end of the run.</summary>
public sealed class Late_conditions
{
    [Theory]
    [InlineData("yes", "success")]
    [InlineData("no", "skipped")]
    public void A_step_runs_if_its_condition_holds_when_it_is_due(string output, string outcome)
    {
        var plan = PlanOf("evaluate: '\"${steps.make.outputs.DEPLOY}\" == \"yes\"'");
        Assert.NotNull(plan.Workflows[0].Steps.Single(s => s.Name == "deploy").LateCondition);
        Assert.Equal(outcome, Play(plan, output));
    }

    private static RunPlan PlanOf(string when)
    {
        var text = $"skip_clone: true\nsteps:\n  - name: make\n    image: alpine:3\n    commands: [make]\n  - name: deploy\n    image: alpine:3\n    commands: [deploy]\n    when:\n      - {when}\n";
        var planned = Planner.Plan([new PipelineSource("ci.yml", System.Text.Encoding.UTF8.GetBytes(text))], new RunEvent { Kind = "push" });
        Assert.DoesNotContain(planned.Diagnostics, d => d.Severity == DiagnosticSeverity.Error);
        return planned.Plan!;
    }

    private static string Play(RunPlan plan, string output)
    {
        var machine = new RunMachine(plan);
        var state = machine.Create(new RunId(Guid.Empty), DateTimeOffset.UnixEpoch);
        var outputs = ImmutableDictionary<string, string>.Empty.Add("DEPLOY", output);
        RunFact[] facts =
        [
            new RunFact.Begin(), new RunFact.WorkflowTaken("ci"), new RunFact.WorkflowReady("ci"), new RunFact.StepTaken("ci", "make", 1), new RunFact.StepStarting("ci", "make", 1, null),
            new RunFact.StepEnded("ci", "make", 1, new StepReport { Outcome = new Outcome.Success(), Outputs = outputs }), new RunFact.StepTaken("ci", "deploy", 1),
            new RunFact.StepStarting("ci", "deploy", 1, null), new RunFact.StepEnded("ci", "deploy", 1, new StepReport { Outcome = new Outcome.Success() }), new RunFact.WorkflowReleased("ci"),
        ];
        foreach (var fact in facts)
        {
            state = machine.Apply(state, fact, DateTimeOffset.UnixEpoch).State;
        }

        return Assert.IsType<StepPhase.Done>(state.Workflow("ci").Step("deploy").Phase).Outcome.Word;
    }
}
