using System.Globalization;
using System.Text;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>What somebody else chose (a branch, a message, a title, an input) reaches a real container byte for byte, wherever a file puts it, and runs nothing.</summary>
public sealed class Hostile_values
{
    private static readonly string[] Nasty =
    [
        "$(touch /woodpecker/pwned)", "`touch /woodpecker/pwned`", "\"; touch /woodpecker/pwned; \"", "'; touch /woodpecker/pwned; '", "\\\"; touch /woodpecker/pwned #", "a\n touch /woodpecker/pwned\nb",
        "END\ntouch /woodpecker/pwned\n", "; touch /woodpecker/pwned", "& touch /woodpecker/pwned", "| touch /woodpecker/pwned", "> /woodpecker/pwned", "$IFS$(touch${IFS}/woodpecker/pwned)", "*", "~root", "$HOME", "${HOME}", "$$", "!!", "%s%n", "\\n\\x41",
        " leading and trailing ", "\ttab\tand\r\n", "ünïcödé \U0001F600 \u202Eabc", "\e[2J\a", "--help", "-n", "=", "a=b", "#comment", "",
    ];

    [Fact]
    public async Task They_arrive_byte_for_byte_and_run_nothing()
    {
        var runEvent = On.Manual;
        var file = new StringBuilder("inputs:\n");
        for (var i = 0; i < Nasty.Length; i++)
        {
            file.Append(CultureInfo.InvariantCulture, $"  v{i}: {{type: string}}\n");
            runEvent = runEvent.Given($"v{i}", Nasty[i]);
        }

        // Each value in every place that a shell has, then as the bytes that arrived.
        file.Append("steps:\n  - name: look\n    image: x\n    environment:\n");
        for (var i = 0; i < Nasty.Length; i++)
        {
            file.Append(CultureInfo.InvariantCulture, $"      E{i}: '${{v{i}}}'\n");
        }

        file.Append("    commands:\n");
        for (var i = 0; i < Nasty.Length; i++)
        {
            file.Append(CultureInfo.InvariantCulture, $$"""
                      - ': ${v{{i}}}'
                      - ': "${v{{i}}}" "a${v{{i}}}b" "$(: "${v{{i}}}")"'
                      - ": '${v{{i}}}' # ${v{{i}}}"
                      - "cat > /dev/null <<END\n${v{{i}}}\nEND\n"
                      - 'case "${v{{i}}}" in "${v{{i}}}") ;; *) exit 9;; esac'
                      - 'echo "{{i}} $(printf %s "${v{{i}}}" | od -An -v -tx1 | tr -d " \n") $(printf %s "$v{{i}}" | od -An -v -tx1 | tr -d " \n") $(printf %s "$E{{i}}" | od -An -v -tx1 | tr -d " \n")"'

                """);
        }

        file.Append("      - test ! -e /woodpecker/pwned\n");
        await ScenarioRun.CheckAsync(new Scenario("hostile values", file.ToString(), "look=success")
        {
            Event = runEvent,
            Checks =
            [
                .. Nasty.Select((value, i) => Must.Print("look", $"{i} {Hex(value)} {Hex(value)} {Hex(value)}")),
            ],
        }, "oci");
    }

    [Fact]
    public async Task Facts_of_the_event_arrive_as_they_are_in_steps_and_plugins()
    {
        const string files = "steps:\n- {name: look, image: x, commands: ['test ! -e pwned']}\n- {name: plugin, image: y, settings: {m: '${CI_COMMIT_MESSAGE}', deep: {k: '${CI_COMMIT_BRANCH}'}}}\n";
        foreach (var value in Nasty.Where(value => value.Length > 0))
        {
            var runEvent = On.Push.Branch(value).Knowing("CI_COMMIT_MESSAGE", value).Knowing("CI_PIPELINE_RELEASE_TITLE", value);
            await ScenarioRun.CheckAsync(new Scenario("facts", files, "look=success plugin=success")
            {
                Event = runEvent,
                Checks =
                [
                    Must.Get("look", "CI_COMMIT_BRANCH", value), Must.Get("look", "CI_COMMIT_MESSAGE", value), Must.Get("look", "CI_PIPELINE_RELEASE_TITLE", value), Must.Get("plugin", "DRONE_COMMIT_MESSAGE", value), Must.Get("plugin", "PLUGIN_M", value),
                    new(run => Assert.Equal(value, System.Text.Json.JsonDocument.Parse(run.Engine!["plugin"].Environment["PLUGIN_DEEP"]).RootElement.GetProperty("k").GetString())),
                ],
            }, "dummy");
        }
    }

    private static string Hex(string value) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(value));
}
