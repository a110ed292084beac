using BuildRunner.Core.Expressions;

namespace BuildRunner.Core.Tests.Expressions;

public sealed class TextTemplateTests
{
    private static readonly Dictionary<string, string> Variables = new()
    {
        ["TAG"] = "v1.10.3",
        ["SHA"] = "0123456789abcdef",
        ["FILE"] = "path/to/archive.tar.gz",
        ["WORD"] = "heLLo",
        ["EMPTY"] = "",
        ["REPEAT"] = "one two one two",
        ["WIDE"] = "a😀b",
    };

    [Theory]
    [InlineData("plain $HOME text", "plain $HOME text")]
    [InlineData("${TAG}", "v1.10.3")]
    [InlineData("a ${TAG} b ${SHA} c", "a v1.10.3 b 0123456789abcdef c")]
    [InlineData("${UNKNOWN}", "")]
    [InlineData("$${TAG}", "${TAG}")]
    [InlineData("$$$${TAG}", "$${TAG}")]
    [InlineData("$$HOME costs $5", "$HOME costs $5")]
    [InlineData("${WORD,}", "heLLo")]
    [InlineData("${WORD,,}", "hello")]
    [InlineData("${WORD^}", "HeLLo")]
    [InlineData("${WORD^^}", "HELLO")]
    [InlineData("${SHA:0:8}", "01234567")]
    [InlineData("${SHA:8}", "89abcdef")]
    [InlineData("${SHA:8:3}", "89a")]
    [InlineData("${SHA:12:99}", "cdef")]
    [InlineData("${SHA:99}", "")]
    [InlineData("${SHA:-4:2}", "0123456789abcdef")]
    [InlineData("${SHA: -4:2}", "cd")]
    [InlineData("${SHA:x}", "0123456789abcdef")]
    [InlineData("${WIDE:1:1}", "😀")]
    [InlineData("${#SHA}", "16")]
    [InlineData("${#WIDE}", "3")]
    [InlineData("${UNKNOWN=other}", "other")]
    [InlineData("${UNKNOWN:=other}", "other")]
    [InlineData("${UNKNOWN:-other}", "other")]
    [InlineData("${UNKNOWN-other}", "other")]
    [InlineData("${EMPTY=other}", "other")]
    [InlineData("${TAG=other}", "v1.10.3")]
    [InlineData("${UNKNOWN=${TAG}-x}", "v1.10.3-x")]
    [InlineData("${UNKNOWN=${WORD^^}}", "HELLO")]
    [InlineData("${TAG##v}", "1.10.3")]
    [InlineData("${TAG#v}", "1.10.3")]
    [InlineData("${FILE#*/}", "to/archive.tar.gz")]
    [InlineData("${FILE##*/}", "archive.tar.gz")]
    [InlineData("${FILE%.*}", "path/to/archive.tar")]
    [InlineData("${FILE%%.*}", "path/to/archive")]
    [InlineData("${FILE%.[a-z]z}", "path/to/archive.tar")]
    [InlineData("${TAG%%nothing}", "v1.10.3")]
    [InlineData("${REPEAT/one/1}", "1 two one two")]
    [InlineData("${REPEAT//one/1}", "1 two 1 two")]
    [InlineData("${REPEAT/#one/1}", "1 two one two")]
    [InlineData("${REPEAT/%two/2}", "one two one 2")]
    [InlineData("${REPEAT/one/}", " two one two")]
    [InlineData(@"${FILE//\//-}", "path-to-archive.tar.gz")]
    public void Substitution_does_what_is_documented(string text, string expected)
    {
        var template = TextTemplate.Parse(text, out var problem);
        Assert.Null(problem);
        Assert.Equal(expected, template!.Expand(Variables.GetValueOrDefault));
    }

    [Theory]
    [InlineData("${TAG", "`${TAG` has no closing `}`")]
    [InlineData("${}", "`${}` names no variable; write `$${` if the shell is to see it")]
    [InlineData("${@}", "`${@}` names no variable; write `$${` if the shell is to see it")]
    [InlineData("a ${!TAG} b", "`${!TAG}` names no variable; write `$${` if the shell is to see it")]
    [InlineData("${TAG[0]}", "`${TAG[0]}` is no substitution that exists; write `$${` if the shell is to see it")]
    [InlineData("${TAG:?missing}", "`${TAG:?missing}` is no substitution that exists; write `$${` if the shell is to see it")]
    [InlineData("${TAG:+set}", "`${TAG:+set}` is no substitution that exists; write `$${` if the shell is to see it")]
    [InlineData("${{ github.ref }}", "`${{ github.ref }` is another CI's form; here it is `${NAME}`, with one brace")]
    [InlineData("${inputs.target}", "`${inputs.target}` is no substitution that exists; the input is `${target}`")]
    [InlineData("v${matrix.go-version}", "`${matrix.go-version}` is no substitution that exists; the value of the matrix is `${go-version}`")]
    [InlineData("${env.HOME}", "`${env.HOME}` is no substitution that exists; the variable is `${HOME}`")]
    [InlineData("${secrets.token}", "`${secrets.token}` is no substitution that exists; a secret comes by `environment: {NAME: {from_secret: token}}`")]
    [InlineData("${inputs.}", "`${inputs.}` is no substitution that exists; write `$${` if the shell is to see it")]
    [InlineData("${other.x}", "`${other.x}` is no substitution that exists; write `$${` if the shell is to see it")]
    [InlineData("${steps.a.output}", "`${steps.a.output}` must be `${steps.NAME.outputs.KEY}`")]
    [InlineData("${A=${steps.a.outputs.b}}", "`${steps.a.outputs.b}` cannot stand inside of another substitution")]
    public void A_broken_substitution_is_refused_with_the_reason(string text, string reason)
    {
        Assert.Null(TextTemplate.Parse(text, out var problem));
        Assert.Equal(reason, problem);
    }

    [Fact]
    public void Nesting_has_a_bound()
    {
        Assert.Null(TextTemplate.Parse(string.Concat(Enumerable.Repeat("${A=", 50_000)) + new string('}', 50_000), out var problem));
        Assert.EndsWith("is nested more than 16 deep", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Outputs_stay_for_later_and_data_cannot_be_taken_for_one()
    {
        var template = TextTemplate.Parse("${DATA} ${steps.my step.outputs.version} $$5", out _)!;
        var hostile = "${steps.other.outputs.secret} $$";
        var text = template.ExpandAllButOutputs(name => name == "DATA" ? hostile : null)!;
        Assert.Equal(hostile + " 1.2 $5", OutputTemplate.Resolve(text, (step, key) => (step, key) == ("my step", "version") ? "1.2" : "WRONG"));
    }

    [Fact]
    public void A_pattern_takes_time_linear_in_the_value()
    {
        var value = new string('a', 60_000);
        var spent = CpuTime.Milliseconds(() =>
        {
            Assert.Equal(value, TextTemplate.Parse("${A##*a*a*a*a*a*a*a*a*a*a*a*a*b}", out _)!.Expand(_ => value));
            Assert.Equal(value, TextTemplate.Parse("${A%%b*a*a*a*a*a*a*a*a*a*a*a*}", out _)!.Expand(_ => value));
        });
        Assert.InRange(spent, 0, 2000);
    }

    [Fact]
    public void What_would_be_too_long_is_refused()
    {
        Assert.Null(TextTemplate.Parse("${A//a/${A}}", out _)!.Expand(_ => new string('a', 60_000)));
    }
}
