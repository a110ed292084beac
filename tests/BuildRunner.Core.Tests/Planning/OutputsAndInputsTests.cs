using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

public sealed class OutputsAndInputsTests
{
    private const string Inputs = """
        inputs:
          target: {type: choice, options: [test, live], default: test}
          count: {type: number}
          dry: {type: boolean, default: yes}
          note: {}
        steps:
          a: {image: x, commands: "deploy ${target}", environment: {NOTE: "${note:-none}"}}
        """;

    [Fact]
    public void An_output_stays_in_a_value_until_the_step_starts()
    {
        var steps = Plans.Steps("""
            steps:
              a: {image: x}
              b: {image: y, settings: {v: "$$5 ${CI_COMMIT_BRANCH}-${steps.a.outputs.version}", list: [1, "${steps.a.outputs.version}"], map: {deep: "${steps.a.outputs.version}", s: {from_secret: token}}}}
            """);
        Assert.Equal(new PlanValue.Template("$$5 main-${steps.a.outputs.version}"), steps[1].Environment["PLUGIN_V"]);
        Assert.Equal("$5 main-1.2", Resolve(steps[1].Environment["PLUGIN_V"]));
        Assert.Equal("1,1.2", Resolve(steps[1].Environment["PLUGIN_LIST"]));
        Assert.Equal("""{"deep":"1.2","s":"hush"}""", Resolve(steps[1].Environment["PLUGIN_MAP"]));
    }

    [Fact]
    public void A_secret_that_does_not_exist_is_named()
    {
        Assert.Null(PlanValueResolver.Resolve(new PlanValue.Json("""[{"from_secret":"a"}]"""), _ => null, (_, _) => null, out var missing));
        Assert.Equal("a", missing);
        Assert.Null(PlanValueResolver.Resolve(new PlanValue.Secret("b"), _ => null, (_, _) => null, out missing));
        Assert.Equal("b", missing);
    }

    [Theory]
    [InlineData("{a: {image: x}, b: {image: x, environment: {V: '${steps.c.outputs.v}'}}}", "there is no step `c`")]
    [InlineData("{b: {image: x, environment: {V: '${steps.a.outputs.v}'}}, a: {image: x}}", "step `b` does not wait for `a`, and cannot use its output")]
    [InlineData("{a: {image: x}, c: {image: x}, b: {image: x, depends_on: c, environment: {V: '${steps.a.outputs.v}'}}}", "step `b` does not wait for `a`, and cannot use its output")]
    [InlineData("{a: {image: x, outputs: [version]}, b: {image: x, environment: {V: '${steps.a.outputs.versoin}'}}}", "step `a` has no output `versoin`")]
    [InlineData("{a: {image: x}, b: {image: x, when: {evaluate: 'steps.z.outputs.v == \"1\"'}}}", "there is no step `z`")]
    [InlineData("{a: {image: x}, b: {image: 'x:${steps.a.outputs.v}'}}", "`image` cannot depend on the output of a step")]
    [InlineData("{a: {image: x}, b: {image: x, commands: 'echo ${steps.a.outputs.v}'}}", "`commands` cannot depend on the output of a step")]
    public void An_output_that_cannot_be_known_is_an_error(string steps, string message)
    {
        var error = Plans.Error("steps: " + steps);
        Assert.Equal(("BR1048", message), (error.Code, error.Message));
    }

    [Fact]
    public void Outputs_of_steps_before_are_known_through_other_steps()
    {
        Assert.Empty(Plans.Errors("steps: {a: {image: x}, b: {image: x, depends_on: a}, c: {image: x, depends_on: b, environment: {V: '${steps.a.outputs.v}'}}}"));
    }

    [Fact]
    public void Services_and_workflows_cannot_use_outputs()
    {
        Assert.Equal("BR1048", Plans.Error("steps: {a: {image: x}}\nservices: {s: {image: x, environment: {V: '${steps.a.outputs.v}'}}}").Code);
        Assert.Equal("BR1048", Plans.Error("when: {evaluate: 'steps.a.outputs.v == \"1\"'}\nsteps: {a: {image: x}}").Code);
    }

    [Fact]
    public void Inputs_have_defaults_and_reach_steps()
    {
        var step = Plans.Step(Inputs);
        Assert.Equal(["deploy test"], step.Commands);
        Assert.Equal(("none", "test", "true"), (step.Literal("NOTE"), step.Literal("target"), step.Literal("dry")));
        Assert.False(step.Environment.ContainsKey("count"));
    }

    [Fact]
    public void Given_inputs_win_and_are_checked()
    {
        RunEvent manual = Plans.Push with { Kind = "manual", Inputs = new Dictionary<string, string> { ["target"] = "live", ["count"] = "3", ["dry"] = "no", ["note"] = "x" } };
        var step = Plans.Step(Inputs, manual);
        Assert.Equal(("live", "3", "false", "x"), (step.Literal("target"), step.Literal("count"), step.Literal("dry"), step.Literal("NOTE")));
        Assert.Equal(
            ["there is no input `tagret`", "the value `prod` of input `target` must be `test` or `live`", "the value `many` of input `count` must be a number"],
            Plans.Errors(Inputs, manual with { Inputs = new Dictionary<string, string> { ["target"] = "prod", ["count"] = "many", ["tagret"] = "x" } }).Select(error => error.Message));
    }

    [Fact]
    public void A_required_input_without_a_value_refuses_a_manual_run_only()
    {
        const string yaml = "inputs: {v: {required: true}}\nsteps: {a: {image: x}}";
        Assert.Equal("BR1050", Plans.Error(yaml, Plans.Push with { Kind = "manual" }).Code);
        Assert.Empty(Plans.Errors(yaml));
    }

    [Theory]
    [InlineData("{1a: {}}", "BR1031")]
    [InlineData("{CI_X: {}}", "BR1031")]
    [InlineData("{a: {type: choice}}", "BR1029")]
    [InlineData("{a: {type: choice, options: [b], default: c}}", "BR1052")]
    [InlineData("{a: {type: number, default: c}}", "BR1052")]
    [InlineData("{a: {type: text}}", "BR1022")]
    public void A_broken_input_is_an_error(string inputs, string code)
    {
        Assert.Equal(code, Plans.Error("inputs: " + inputs + "\nsteps: {a: {image: x}}").Code);
    }

    private static string? Resolve(PlanValue value) => PlanValueResolver.Resolve(value, name => name == "token" ? "hush" : null, (step, key) => (step, key) == ("a", "version") ? "1.2" : null, out _);
}
