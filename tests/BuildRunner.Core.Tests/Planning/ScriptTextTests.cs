using System.Diagnostics;
using CsCheck;

namespace BuildRunner.Core.Tests.Planning;

public sealed class ScriptTextTests
{
    // Each prints the value of ${V} between brackets, wherever it stands in the script.
    private static readonly string[] Contexts =
    [
        "printf '[%s]' \"${V}\"",
        "printf '[%s]' '${V}'",
        "printf '[%s]' \"a\"'b'\"${V}\" | sed 's/^.ab/[/'",
        "printf '[%s]' \"$(printf '%s' '${V}')\"",
        "printf '[%s]' \"$(printf '%s' \"${V}\")\"",
        "# ${V}\nprintf '[%s]' \"${V}\"",
        "printf '[%s]' 'it'\\''s' >/dev/null; printf '[%s]' '${V}' # '${V}'",
        "x=\"${V}\"\nprintf '[%s]' \"$x\"",
        "printf '[%s]' \"${V//a/a}\"",
        "(printf '[%s]' '${V}')",
        "if true; then printf '[%s]' \"${V}\"; fi",
        "case a in a) printf '[%s]' '${V}';; esac",
    ];

    private static readonly string[] Values =
    [
        "plain", "a b", "a'b", "a\"b", "a\\b", "$(touch INJECTED)", "`touch INJECTED`", "'; touch INJECTED; '", "\"; touch INJECTED; \"", "$HOME", "${HOME}", "*", "~", "#x", "a;touch INJECTED",
        "a\ntouch INJECTED\n'", "|touch INJECTED", "&& touch INJECTED", "$((1+1))", "\\", "'", "\"", "-n", "!x", "ä😀", "\t", "%s%n", "EOF",
    ];

    [Fact]
    public void Data_reaches_every_place_of_a_script_and_runs_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("br-script-");
        try
        {
            Gen.Select(Gen.OneOf(Contexts), Gen.Select(Gen.OneOf(Values), Gen.OneOf(Values), (a, b) => a + b))
                .Sample((context, value) => Assert.Equal($"[{value.TrimEnd('\n')}]", Run(context, value, folder.FullName)), iter: 300, threads: 1);
            Assert.Empty(folder.GetFileSystemInfos());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_here_document_gets_the_value_too()
    {
        Assert.Equal("a $(x) b\n", Run("cat <<EOF\na ${V} b\nEOF\n", "$(x)", "/"));
        Assert.Equal("a $(x) b\n", Run("cat <<'EOF'\na ${V} b\nEOF\n", "$(x)", "/"));
        Assert.Equal("BR1049", Plans.Error("steps: {a: {image: x, commands: [\"cat <<'EOF'\\n${CI_COMMIT_MESSAGE}\\nEOF\"]}}", Plans.Push.With("CI_COMMIT_MESSAGE", "x\nEOF\ntouch y")).Code);
    }

    [Fact]
    public void What_the_file_says_itself_is_a_piece_of_the_script()
    {
        var plan = Plans.Run(Plans.Push, ("a.yml", "matrix: {CMD: ['echo a | tr a b']}\nsteps: {a: {image: x, commands: ['${CMD} | cat']}}"));
        Assert.Equal(["echo a | tr a b | cat"], plan.Workflows[0].Steps[1].Commands);
    }

    [Fact]
    public void A_value_with_an_operation_gets_a_variable_of_its_own()
    {
        var step = Plans.StepWith("commands: echo \"${CI_COMMIT_MESSAGE:0:5}\" ${CI_COMMIT_MESSAGE} ${CI_COMMIT_SHA:0:4}", Plans.Push.With("CI_COMMIT_MESSAGE", "a b; c d"));
        Assert.Equal(["echo \"${CI_VALUE_1}\" ${CI_COMMIT_MESSAGE} 0123"], step.Commands);
        Assert.Equal("a b; ", step.Literal("CI_VALUE_1"));
    }

    [Fact]
    public void A_variable_that_the_step_replaces_is_not_referred_to()
    {
        var step = Plans.StepWith("commands: echo \"${CI_COMMIT_MESSAGE}\"\nenvironment: {CI_COMMIT_MESSAGE: other}", Plans.Push.With("CI_COMMIT_MESSAGE", "a b"));
        Assert.Equal(["echo \"${CI_VALUE_1}\""], step.Commands);
        Assert.Equal("a b", step.Literal("CI_VALUE_1"));
    }

    [Theory]
    [InlineData("entrypoint: [python3, -c, \"print('${CI_COMMIT_MESSAGE}')\"]")]
    [InlineData("entrypoint: [/usr/bin/env, python3]\ncommands: print('${CI_COMMIT_MESSAGE}')")]
    [InlineData("entrypoint: [node, -e, \"console.log('${CI_COMMIT_MESSAGE}')\"]")]
    public void Data_is_kept_out_of_scripts_for_other_programs(string keys)
    {
        var error = Assert.Single(Plans.Errors("steps:\n- name: a\n  image: x\n  " + keys.Replace("\n", "\n  ", StringComparison.Ordinal) + "\n", Plans.Push.With("CI_COMMIT_MESSAGE", "'); evil('")));
        Assert.Equal("BR1049", error.Code);
        Assert.Empty(Plans.Errors("steps:\n- name: a\n  image: x\n  " + keys.Replace("\n", "\n  ", StringComparison.Ordinal) + "\n", Plans.Push.With("CI_COMMIT_MESSAGE", "fix-1")));
    }

    [Fact]
    public void A_shell_as_entry_point_is_treated_as_one()
    {
        var step = Plans.StepWith("entrypoint: [/bin/bash, -ec, 'echo ${CI_COMMIT_MESSAGE}', '${CI_COMMIT_MESSAGE}']", Plans.Push.With("CI_COMMIT_MESSAGE", "$(evil)"));
        Assert.Equal(["/bin/bash", "-ec", "echo ${CI_COMMIT_MESSAGE}", "$(evil)"], step.Entrypoint!);
    }

    private static string Run(string script, string value, string folder)
    {
        var step = Plans.Step($"steps:\n- name: a\n  image: x\n  commands:\n  - {System.Text.Json.JsonSerializer.Serialize(script)}\n", Plans.Push.With("V", value));
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder, StandardOutputEncoding = System.Text.Encoding.UTF8 };
        start.ArgumentList.Add("-ec");
        start.ArgumentList.Add(Assert.Single(step.Commands));
        foreach (var name in step.Environment.Keys)
            start.Environment[name] = step.Literal(name);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }
}
