using System.Text.Json;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using CsCheck;

namespace BuildRunner.Core.Tests.Planning;

/// <summary>A branch, tag, message, title, label, author or input with any content changes no structure of a plan, no script and no condition, and arrives as it is.</summary>
public sealed class HostileDataTests
{
    private const string Yaml = """
        labels: {l: '${CI_COMMIT_BRANCH}'}
        concurrency: {limit: 1, group: 'g-${CI_COMMIT_MESSAGE}'}
        when:
          - event: ${CI_PIPELINE_EVENT}
            branch: ['${CI_COMMIT_BRANCH}']
            evaluate: '"${CI_COMMIT_MESSAGE}" == CI_COMMIT_MESSAGE && CI_COMMIT_AUTHOR == ''${CI_COMMIT_AUTHOR}'''
        inputs: {note: {type: string}}
        services:
          db: {image: 'postgres', environment: {E: '${CI_COMMIT_MESSAGE}'}, healthcheck: {test: 'echo "${CI_COMMIT_BRANCH}"'}}
        steps:
          - name: build
            image: golang
            environment: {MESSAGE: '${CI_COMMIT_MESSAGE}', BRANCH: '${CI_COMMIT_BRANCH}', TITLE: '${CI_PIPELINE_RELEASE_TITLE}', LABELS: '[${CI_COMMIT_PULL_REQUEST_LABELS}]'}
            commands:
              - echo ${CI_COMMIT_MESSAGE}
              - echo "${CI_COMMIT_BRANCH} and ${CI_PIPELINE_RELEASE_TITLE}"
              - echo '${CI_COMMIT_AUTHOR}'
              - echo "$(echo '${CI_COMMIT_MESSAGE}' | grep "${CI_COMMIT_BRANCH}")" # ${CI_COMMIT_MESSAGE}
              - "cat <<END\n${CI_COMMIT_MESSAGE}\nEND\n"
              - case ${note} in *) echo "${note}";; esac
              - echo "${CI_COMMIT_MESSAGE^^}"
          - name: entry
            image: alpine
            entrypoint: [/bin/sh, -c, 'echo ${CI_COMMIT_MESSAGE}', '${CI_COMMIT_BRANCH}']
          - name: old
            image: alpine
            environment: ['MESSAGE=${CI_COMMIT_MESSAGE}', 'BRANCH=<${CI_COMMIT_BRANCH}>']
            commands: ['true']
          - name: plugin
            image: plugins/any
            settings: {s: '${CI_COMMIT_MESSAGE}', list: ['${CI_COMMIT_BRANCH}', b], deep: {k: ['${CI_COMMIT_MESSAGE}', {z: '${note}'}], n: 1}}
            depends_on: [build]
            when: {branch: {exclude: '${CI_COMMIT_MESSAGE}x'}, evaluate: 'not (CI_COMMIT_MESSAGE == "${CI_COMMIT_MESSAGE}x")'}
        """;

    // A shell sees more in it than a word, so it goes the way that anything hostile goes.
    private const string Calm = "a b";

    private static readonly string[] Nasty =
    [
            "$(touch pwned)", "`touch pwned`", "\"; touch pwned; \"", "'; touch pwned; '", "\\\"; touch pwned #", "a\nsteps:\n  - image: evil\n", "]}\nEND\ntouch pwned\n", "${CI_COMMIT_SHA}", "$${X}", "${steps.build.outputs.x}",
            "**", "{a,b}[c", "*/../..", "\" || true || \"", "' == '' || 'x' == '", "<<: *a", "&a !!python/object x", "%YAML 1.1", "\r\n\t", "\u2028\u0085\uFEFF", "\e[2J", "--help", "~", "null", "true", "0x1F", "{\"from_secret\":\"token\"}", "{\"from_template\":\"x\"}", ",", "=",
    ];

    private static readonly string[] Signs = ["'", "\"", "\\", "$", "`", "\n", ";", "#"];

    private static readonly Gen<string> Hostile = Gen.OneOf(
        Gen.String,
        Gen.Int[0, Nasty.Length - 1].Select(at => Nasty[at]),
        Gen.Select(Gen.String, Gen.Int[0, Signs.Length - 1].Select(at => Signs[at])).Select((text, sign) => sign + text + sign)).Where(text => text.Any(sign => !char.IsLetterOrDigit(sign) && !"_./:@%+,-".Contains(sign)));

    [Fact]
    public void Nothing_but_values_changes() => Gen.Select(Hostile, Hostile, Hostile).Sample(
        (message, branch, other) =>
        {
            var plan = Plan(message, branch, other);
            var calm = Plan(Calm, Calm, Calm);
            Assert.Equal(Structure(calm), Structure(plan));
            Assert.Equal(Scripts(calm), Scripts(plan));
            Assert.Null(plan.Workflows[0].SkipReason);
            Assert.All(plan.Workflows[0].Steps, step => Assert.Null(step.SkipReason));
            Assert.DoesNotContain(plan.Workflows[0].Steps.SelectMany(step => step.Environment.Values), value => value is PlanValue.Secret or PlanValue.Template);
        },
        iter: 300,
        threads: 1);

    [Fact]
    public void Every_value_arrives_as_it_is() => Gen.Select(Hostile, Hostile, Hostile).Sample(
        (message, branch, other) =>
        {
            (message, branch, other) = (Clean(message), Clean(branch), Clean(other));
            var steps = Plan(message, branch, other).Workflows[0].Steps;
            var build = steps.Single(step => step.Name == "build");
            Assert.Equal((message, branch, other, $"[{other}]"), (build.Literal("MESSAGE"), build.Literal("BRANCH"), build.Literal("TITLE"), build.Literal("LABELS")));
            Assert.Equal((message, branch, other), (build.Literal("CI_COMMIT_MESSAGE"), build.Literal("CI_COMMIT_BRANCH"), build.Literal("note")));
            var old = steps.Single(step => step.Name == "old");
            Assert.Equal((message, $"<{branch}>"), (old.Literal("MESSAGE"), old.Literal("BRANCH")));
            var plugin = steps.Single(step => step.Name == "plugin");
            Assert.Equal((message, $"{branch},b"), (plugin.Literal("PLUGIN_S"), plugin.Literal("PLUGIN_LIST")));
            using var deep = JsonDocument.Parse(Assert.IsType<PlanValue.Literal>(plugin.Environment["PLUGIN_DEEP"]).Text);
            // JSON has no half of a surrogate pair.
            if (message.EnumerateRunes().All(rune => rune != System.Text.Rune.ReplacementChar))
                Assert.Equal(message, deep.RootElement.GetProperty("k")[0].GetString());
        },
        iter: 300,
        threads: 1);

    private static RunPlan Plan(string message, string branch, string other)
    {
        (message, branch, other) = (Clean(message), Clean(branch), Clean(other));
        var runEvent = Plans.Push with { Kind = "manual", Branch = branch, Ref = "refs/heads/" + branch, Inputs = new Dictionary<string, string> { ["note"] = other } };
        return Plans.Run(
            runEvent.With("CI_COMMIT_MESSAGE", message).With("CI_COMMIT_BRANCH", branch).With("CI_COMMIT_AUTHOR", other).With("CI_PIPELINE_RELEASE_TITLE", other).With("CI_COMMIT_PULL_REQUEST_LABELS", other),
            (".woodpecker/build.yml", Yaml));
    }

    // What a variable of a process cannot hold at all is dealt with elsewhere.
    private static string Clean(string text) => text.Replace('\0', ' ');

    private static IEnumerable<string> Scripts(RunPlan plan) =>
        plan.Workflows[0].Steps.Concat(plan.Workflows[0].Services).SelectMany(step => step.Commands.Concat((step.Entrypoint ?? []).Take(3)).Concat(step.HealthCheck?.Test ?? []));

    private static string Structure(RunPlan plan) => Structure(JsonSerializer.SerializeToElement(plan with { Event = Plans.Push }, RunJson.Default.RunPlan));

    private static string Structure(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(',', element.EnumerateObject().Select(property => property.Name + ":" + Structure(property.Value))) + "}",
        JsonValueKind.Array => "[" + string.Join(',', element.EnumerateArray().Select(Structure)) + "]",
        JsonValueKind.String => "s",
        _ => element.GetRawText(),
    };
}
