using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>Checks for scenarios.</summary>
internal static class Must
{
    /// <summary>A container gets a variable with this value.</summary>
    public static Check Get(string step, string name, string value) => new(run => Assert.Equal(value, run.Engine![step].Environment.GetValueOrDefault(name, "(not there)")));

    /// <summary>A container gets no such variable.</summary>
    public static Check NotGet(string step, string name) => new(run => Assert.DoesNotContain(name, run.Engine![step].Environment.Keys));

    /// <summary>A step starts after another has ended.</summary>
    public static Check Follow(string step, string other) => new(run =>
        Assert.True(run.Engine![other].End > 0 && run.Engine[step].Begin > run.Engine[other].End, $"{step} began at {run.Engine[step].Begin}, {other} ended at {run.Engine[other].End}"));

    /// <summary>Two steps run at the same time.</summary>
    public static Check Overlap(string step, string other) => new(run =>
        Assert.True(run.Engine![step].Begin < run.Engine[other].End && run.Engine[other].Begin < run.Engine[step].End, $"{step} and {other} did not run at the same time"));

    /// <summary>A step is left out for this reason.</summary>
    public static Check Because(string step, string reason) => new(run => Assert.Equal(reason, Assert.IsType<Outcome.Skipped>(((StepPhase.Done)run.StateOf(step).Phase).Outcome).Why));

    /// <summary>The plan leaves a step out for this reason.</summary>
    public static Check PlanOut(string step, string? reason) => new(run => Assert.Equal(reason, run.Step(step).SkipReason));

    /// <summary>The plan's workflow is left out for this reason; null: it is part of the run.</summary>
    public static Check Leave(string workflow, string? reason) => new(run => Assert.Equal(reason, Assert.Single(run.Planned!.Workflows, w => w.Name == workflow).SkipReason));

    /// <summary>On real containers, a step writes a line.</summary>
    public static Check Print(string step, string line) => new(run => Assert.True(!run.IsReal || run.View.LinesOf(step).Contains(line), $"{step} did not write '{line}' but\n{string.Join('\n', run.View.LinesOf(step))}"));

    /// <summary>BuildRunner writes a line into a step's log, on any engine.</summary>
    public static Check Tell(string step, string text) => new(run => Assert.Contains(run.View.LinesOf(step), line => line.Contains(text, StringComparison.Ordinal)));

    /// <summary>A number of containers was run for a step.</summary>
    public static Check Try(string step, int times) => new(run => Assert.Equal(times, Assert.Single(run.Engine!.Attempts, a => a.Key.EndsWith("/" + step, StringComparison.Ordinal)).Value));

    /// <summary>Something about the plan.</summary>
    public static Check Plan(Action<RunPlan> check) => new(run => check(run.Planned!));

    /// <summary>Something about a step of the plan.</summary>
    public static Check PlanStep(string step, Action<StepPlan> check) => new(run => check(run.Step(step)));

    /// <summary>A diagnostic is said at this line.</summary>
    public static Check SayAt(string code, int line) => new(run => Assert.Contains(run.Diagnostics, d => d.Code == code && d.Location.Line == line));
}
