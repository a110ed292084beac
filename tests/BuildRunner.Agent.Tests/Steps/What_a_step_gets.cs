using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Tests.Steps;

public sealed class What_a_step_gets : IAsyncDisposable
{
    private readonly ScriptedEngine engine = new();

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    [Fact]
    public async Task Outputs_reach_later_steps()
    {
        engine.Behaviours["make"] = async (spec, _, _, stop) =>
        {
            await File.AppendAllTextAsync(spec.HostMounts.Single(m => m.Target == "/.buildrunner.output").Source, "VERSION=1.2.3\nnot an output\n", stop);
            return new ContainerExit.Exited(0);
        };
        var use = AgentRun.Step("use", "make") with
        {
            Environment = new Dictionary<string, PlanValue> { ["TAG"] = new PlanValue.Template("v${steps.make.outputs.VERSION}-$$x") },
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("make"), use));
        var state = await run.PlayAsync();
        Assert.Equal("v1.2.3-$x", engine.Started.Single(s => s.Spec.Name == "use").Start.Environment["TAG"]);
        Assert.Equal("1.2.3", state.Workflow("ci").Step("make").Outputs["VERSION"]);
        Assert.Contains("make: a line of the outputs is not used: 'not an output' is not KEY=value", run.Lines);
    }

    [Fact]
    public async Task An_output_that_holds_a_secret_is_not_used()
    {
        engine.Behaviours["make"] = async (spec, _, _, stop) =>
        {
            await File.AppendAllTextAsync(spec.HostMounts[^1].Source, "TOKEN=the-secret-value\n", stop);
            return new ContainerExit.Exited(0);
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("make")), change: j => j with { Secrets = new Dictionary<string, string> { ["t"] = "the-secret-value" } });
        var state = await run.PlayAsync();
        Assert.Empty(state.Workflow("ci").Step("make").Outputs);
        Assert.Contains("make: the output 'TOKEN' is not used: its value holds a secret", run.Lines);
    }

    [Fact]
    public async Task Secrets_reach_the_step_and_are_hidden_in_its_output()
    {
        engine.Behaviours["a"] = async (_, start, output, stop) =>
        {
            var bytes = Encoding.UTF8.GetBytes($"it is {start.Environment["TOKEN"]}!\n");
            await output.WriteAsync(OutputStream.Out, bytes.AsMemory(0, 9), DateTimeOffset.UnixEpoch, stop);
            await output.WriteAsync(OutputStream.Out, bytes.AsMemory(9), DateTimeOffset.UnixEpoch, stop);
            return new ContainerExit.Exited(0);
        };
        var step = AgentRun.Step("a") with { Environment = new Dictionary<string, PlanValue> { ["TOKEN"] = new PlanValue.Secret("token") } };
        await using var run = new AgentRun(engine, AgentRun.Workflow(step), change: j => j with { Secrets = new Dictionary<string, string> { ["token"] = "hunter2hunter2" } });
        await run.PlayAsync();
        Assert.Equal(["a: it is ********!"], run.Lines);
    }

    [Fact]
    public async Task A_secret_that_is_not_known_is_an_error_and_nothing_is_started()
    {
        var step = AgentRun.Step("a") with { Environment = new Dictionary<string, PlanValue> { ["TOKEN"] = new PlanValue.Secret("token") } };
        await using var run = new AgentRun(engine, AgentRun.Workflow(step));
        var state = await run.PlayAsync();
        var error = Assert.IsType<Outcome.Error>(state.Result!.Outcome);
        Assert.Contains("'token'", error.Message);
        Assert.Contains("--secret", error.Message);
        Assert.Empty(engine.Started);
    }

    [Fact]
    public async Task Settings_with_secrets_and_outputs_inside_come_as_json()
    {
        var step = AgentRun.Step("a") with
        {
            Environment = new Dictionary<string, PlanValue> { ["PLUGIN_X"] = new PlanValue.Json("""{"a":[1,true,{"from_secret":"token"}],"b":{"from_template":"<${steps.none.outputs.K}>"}}""") },
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(step), change: j => j with { Secrets = new Dictionary<string, string> { ["token"] = "s3cr\"et" } });
        await run.PlayAsync();
        Assert.Equal("""{"a":[1,true,"s3cr\"et"],"b":"<>"}""", engine.Started.Single().Start.Environment["PLUGIN_X"]);
    }

    [Fact]
    public async Task An_entry_point_with_commands_gets_the_script_in_its_environment()
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a") with { Entrypoint = ["/bin/bash", "-c", "echo $CI_SCRIPT | base64 -d | bash"], Commands = ["echo hi"] }));
        await run.PlayAsync();
        var (spec, start) = engine.Started.Single();
        Assert.Equal(["/bin/bash", "-c", "echo $CI_SCRIPT | base64 -d | bash"], spec.Entrypoint);
        Assert.Empty(spec.Files);
        Assert.EndsWith("echo hi\n", Encoding.UTF8.GetString(Convert.FromBase64String(start.Environment["CI_SCRIPT"])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_keeps_the_images_own_entry_point()
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a") with { Kind = StepKind.Plugin, Commands = [] }));
        await run.PlayAsync();
        Assert.Null(engine.Started.Single().Spec.Entrypoint);
        Assert.Equal("plugin", engine.Started.Single().Start.Environment["CI_STEP_TYPE"]);
    }
}
