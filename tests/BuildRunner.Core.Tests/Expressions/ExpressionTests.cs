using BuildRunner.Core.Expressions.Conditions;

namespace BuildRunner.Core.Tests.Expressions;

public sealed class ExpressionTests
{
    private static readonly Dictionary<string, string> Variables = new()
    {
        ["CI_PIPELINE_EVENT"] = "push",
        ["CI_REPO"] = "owner/repo",
        ["CI_COMMIT_BRANCH"] = "main",
        ["CI_REPO_DEFAULT_BRANCH"] = "main",
        ["CI_COMMIT_MESSAGE"] = "fix: a bug\n\nplease ignore me",
        ["CI_COMMIT_PULL_REQUEST_LABELS"] = "deploy,server",
        ["CI_PIPELINE_FILES"] = """["docs/a.md","src/b.cs"]""",
        ["COUNT"] = "3",
        ["FLAG"] = "true",
        ["QUOTE"] = "\" == \"\" || \"",
    };

    [Theory]
    [InlineData("""CI_PIPELINE_EVENT == "push" && CI_REPO == "owner/repo" && CI_COMMIT_BRANCH == CI_REPO_DEFAULT_BRANCH""")]
    [InlineData("""not (CI_COMMIT_MESSAGE contains "please go away")""")]
    [InlineData("""CI_COMMIT_PULL_REQUEST_LABELS contains "deploy" """)]
    [InlineData("""SKIP != "true" """)]
    [InlineData("""UNDEFINED == "" """)]
    [InlineData("true and !false or nope == 'x'")]
    [InlineData("'a' in ['a', 'b'] and 'c' not in ['a', 'b']")]
    [InlineData("\"deploy\" in split(CI_COMMIT_PULL_REQUEST_LABELS, \",\")")]
    [InlineData("'name' in {'name': 1, age: 2, (1 + 2): 3}")]
    [InlineData("CI_COMMIT_BRANCH matches '^(main|release/.+)$'")]
    [InlineData("CI_COMMIT_BRANCH not matches '^v\\\\d+'")]

    // As two well-known projects write it for Woodpecker, as our messages said, and as everybody tries first.
    [InlineData(@"'v1.2.3' matches '^v?[0-9]+\\\\.[0-9]+\\\\.[0-9]+$' and not ('v1x2x3' matches '^v?[0-9]+\\\\.[0-9]+\\\\.[0-9]+$')")]
    [InlineData(@"'1.2.3' matches '^[0-9]+\\\.[0-9]+(\\\.[0-9]+)+$' and not ('1x2x3' matches '^[0-9]+\\\.[0-9]+(\\\.[0-9]+)+$')")]
    [InlineData(@"'1.2' matches '^[0-9]\\.[0-9]$' and not ('1x2' matches '^[0-9]\\.[0-9]$')")]
    [InlineData(@"'1.2' matches '^[0-9]\.[0-9]$' and not ('1x2' matches '^[0-9]\.[0-9]$')")]
    [InlineData(@"'1.2' matches `^[0-9]\\.[0-9]$` and not ('1x2' matches `^[0-9]\\.[0-9]$`)")]
    [InlineData(@"'a/b' matches '^a\/b$' and 'a\\\\b' matches '^a\\\\\\\\b$'")]
    [InlineData("CI_REPO startsWith 'owner/' and CI_REPO endsWith `repo`")]
    [InlineData("1 < 2 and 2 <= 2.0 and 3 > 2.5 and 'b' >= 'a'")]
    [InlineData("1 < 2 < 3 and not (1 < 3 < 2)")]
    [InlineData("1 + 2 * 3 == 7 and 7 % 4 == 3 and 2 ** 3 ^ 1 == 8 and 1 / 2 == 0.5")]
    [InlineData("0x2A == 42 and 0b11 == 3 and 0o52 == 42 and 1_000 == 1000 and .5 == 5e-1")]
    [InlineData("-(-5) == 5 and +3 == 3")]
    [InlineData("(CI_COMMIT_BRANCH == 'main' ? 'a' : 'b') == 'a'")]
    [InlineData("(nil ?? 'x') == 'x' and (CI_REPO ?? 'x') == 'owner/repo'")]
    [InlineData("if COUNT == '3' { true } else { false }")]
    [InlineData("let x = 42; let y = x / 2; y == 21.0")]
    [InlineData("['a', 'b'][0] == 'a' and ['a', 'b'][-1] == 'b' and {a: {b: 1}}.a.b == 1")]
    [InlineData("{a: nil}.a?.b.c == nil and {a: 1}['b'] == nil")]
    [InlineData("[1, 2, 3, 4][1:3] == [2, 3] and 'hello'[:2] == 'he' and [1, 2][5:] == []")]
    [InlineData("1..3 == [1, 2, 3]")]
    [InlineData("CI_REPO | split('/') | last() == 'repo'")]
    [InlineData("$env['CI_REPO'] == CI_REPO and 'CI_REPO' in $env and not ('NOPE' in $env)")]
    [InlineData("/* a */ true // b")]
    [InlineData("trim('  a ') == 'a' and trim('__a_', '_') == 'a' and trimPrefix('v1', 'v') == '1' and trimSuffix('a.b', '.b') == 'a'")]
    [InlineData("upper('a') == 'A' and lower('A') == 'a' and replace('aXa', 'a', 'b') == 'bXb' and repeat('ab', 2) == 'abab'")]
    [InlineData("split('a,b,c', ',', 2) == ['a', 'b,c'] and splitAfter('a,b', ',') == ['a,', 'b'] and join(['a', 'b'], '-') == 'a-b'")]
    [InlineData("indexOf('apple', 'p') == 1 and lastIndexOf('apple', 'p') == 2 and hasPrefix('ab', 'a') and hasSuffix('ab', 'b')")]
    [InlineData("max(5, 7) == 7 and min([5, 7]) == 5 and abs(-5) == 5 and ceil(1.5) == 2.0 and floor(1.5) == 1.0 and round(1.5) == 2.0")]
    [InlineData("all([1, 2], # > 0) and any([1, 2], {# > 1}) and one([1, 2], # == 1) and none([1, 2], # > 5)")]
    [InlineData("filter(1..4, # % 2 == 0) == [2, 4] and map([1, 2], # * 2) == [2, 4] and count([true, false, true]) == 2")]
    [InlineData("find([1, 2, 3], # > 1) == 2 and findIndex([1, 2, 3], # > 1) == 1 and findLast([1, 2, 3], # > 1) == 3 and findLastIndex([1, 2], # > 5) == nil")]
    [InlineData("any([{n: 'a', s: 1}], .s == 1 and .n == 'a')")]
    [InlineData("reduce(1..9, #acc + #) == 45 and reduce([1], #acc + # + #index, 10) == 11 and sum([1, 2]) == 3 and sum([{a: 1}], .a) == 1")]
    [InlineData("mean([1, 2, 3]) == 2.0 and median([1, 2, 3, 4]) == 2.5")]
    [InlineData("sort([3, 1]) == [1, 3] and sort(['b', 'a'], 'asc') == ['a', 'b'] and sortBy([{a: 2}, {a: 1}], .a)[0].a == 1 and reverse([1, 2]) == [2, 1]")]
    [InlineData("groupBy(['a', 'bb', 'c'], len(#))['1'] == ['a', 'c'] and uniq([1, 2, 1, 1.0]) == [1, 2] and flatten([1, [2, [3]]]) == [1, 2, 3]")]
    [InlineData("concat([1], [2]) == [1, 2] and first([1]) == 1 and first([]) == nil and take([1, 2, 3], 2) == [1, 2] and get([1], 5) == nil")]
    [InlineData("keys({a: 1}) == ['a'] and values({a: 1}) == [1] and toPairs({a: 1}) == [['a', 1]] and fromPairs([['a', 1]]) == {a: 1}")]
    [InlineData("len('abc') == 3 and len([1]) == 1 and len({a: 1}) == 1 and type(1) == 'int' and type(nil) == 'nil'")]
    [InlineData("int('12') == 12 and float('1.5') == 1.5 and string(12) == '12' and int(COUNT) > 2")]
    [InlineData("any(fromJSON(CI_PIPELINE_FILES), # startsWith 'docs/') and toJSON({a: [1, 'x']}) == '{\"a\":[1,\"x\"]}'")]
    [InlineData("toBase64('Hello') == 'SGVsbG8=' and fromBase64('SGVsbG8=') == 'Hello'")]
    [InlineData("bitand(10, 12) == 8 and bitor(10, 12) == 14 and bitxor(10, 12) == 6 and bitshl(1, 3) == 8 and bitshr(8, 3) == 1 and bitnot(0) == -1")]
    [InlineData("\"\\u00e4\\n\" == 'ä\n'")]
    [InlineData("\"${CI_COMMIT_BRANCH}\" == \"main\"")]
    [InlineData("\"x-${CI_COMMIT_BRANCH^^}-y\" == 'x-MAIN-y' and '$${A}' == '$$' + '{A}'")]
    [InlineData("${COUNT} > 2 and ${FLAG} and CI_COMMIT_BRANCH == ${CI_REPO_DEFAULT_BRANCH}")]
    public void An_expression_is_true(string text)
    {
        var expression = Expression.Parse(text, out var problem);
        Assert.Null(problem);
        var holds = expression!.Holds(Scope(), out problem);
        Assert.Null(problem);
        Assert.True(holds);
        // Printed with the variables' values in it, it means the same.
        if (!text.Contains("$env", StringComparison.Ordinal))
            Assert.True(Expression.Parse(expression.Bind(name => Variables.GetValueOrDefault(name) ?? "", out _)!, out problem, printed: true)!.Holds(new ExpressionScope(_ => "WRONG", [], null), out problem), problem);
    }

    [Theory]
    [InlineData("\"${QUOTE}\" == \"main\"")]
    [InlineData("CI_COMMIT_BRANCH == \"${QUOTE}\"")]
    [InlineData("${QUOTE} == 'main'")]
    public void Data_in_an_expression_stays_data(string text)
    {
        Assert.False(Expression.Parse(text, out _)!.Holds(Scope(), out _));
    }

    [Theory]
    [InlineData("", "the end is not expected")]
    [InlineData("a ==", "the end is not expected")]
    [InlineData("a == 'b", "the text that begins at character 6 is not closed")]
    [InlineData("(a == 'b'", "`)` is expected before the end")]
    [InlineData("a = 'b'", "`=` at character 3 is not expected")]
    [InlineData("a == 'b' 'c'", "`c` at character 10 is not expected")]
    [InlineData("a @ b", "`@` at character 3 has no meaning")]
    [InlineData("contain(a, 'b')", "there is no function `contain`")]
    [InlineData("uper(a) == 'A'", "there is no function `uper`; did you mean `upper`?")]
    [InlineData("now() == 'x'", "there is no function `now`")]
    [InlineData("len() == 1", "`len` takes 1 arguments, not 0")]
    [InlineData("CI_COMMIT_BRANCH ? 1 : 2", "it gives int, and must be `true` or `false`")]
    [InlineData("'main'", "it gives string, and must be `true` or `false`")]
    [InlineData("1 + 1 * 2 - 3", "it gives int, and must be `true` or `false`")]
    [InlineData("lower(CI_REPO)", "it gives string, and must be `true` or `false`")]
    [InlineData("a matches '('", "`(` behind `matches` is no regular expression, or has look-around or back references")]
    [InlineData("a matches '(a)\\\\1'", "`(a)\\1` behind `matches` is no regular expression, or has look-around or back references")]
    [InlineData("a matches '(a{1000}){1000}'", "the pattern behind `matches` is too large")]
    [InlineData("steps.build.version == '1'", "of `steps` only outputs can be used: `steps.NAME.outputs.KEY`, or `steps[\"NAME\"].outputs.KEY`")]
    [InlineData("\"${A\" == ''", "`${A` has no closing `}`")]
    [InlineData("'\\q' == ''", "`\\q` at character 2 is no escape; write two backslashes for one")]
    [InlineData("99999999999999999999 == 1", "`99999999999999999999` is no number")]
    [InlineData("# > 1", "`#` at character 1 is not expected")]
    public void A_broken_expression_is_refused_with_the_reason(string text, string reason)
    {
        Assert.Null(Expression.Parse(text, out var problem));
        Assert.Equal(reason, problem);
    }

    [Theory]
    [InlineData("1 < 'a'", "`<` cannot join int and string")]
    [InlineData("1 + 'a' == 2", "`+` cannot join int and string")]
    [InlineData("not CI_REPO", "`true` or `false` is expected, not string")]
    [InlineData("CI_REPO and true", "`true` or `false` is expected, not string")]
    [InlineData("[1][5] == 1", "there is no item 5")]
    [InlineData("nil.a == 1", "nil has nothing at `a`")]
    [InlineData("fromJSON('{') == 1", "`fromJSON` is given what is no JSON")]
    [InlineData("1 % 0 == 1", "a division by zero")]
    [InlineData("repeat('a', 99999999) == ''", "it makes a text that is too long")]
    [InlineData("len(1..99999) == 1", "a range has at most 10,000 numbers")]
    [InlineData("reduce(1..9999, #acc + #acc, 'x') == ''", "it takes too much work")]
    [InlineData("all(1..9999, all(1..9999, all(1..9999, true)))", "it takes too much work")]
    public void An_expression_without_an_answer_says_why(string text, string reason)
    {
        Assert.Null(Expression.Parse(text, out _)!.Holds(Scope(), out var problem));
        Assert.Equal(reason, problem);
    }

    [Fact]
    public void Hostile_expressions_end_soon()
    {
        string[] hostile =
        [
            new string('(', 100_000),
            new string('!', 100_000) + "a",
            string.Concat(Enumerable.Repeat("not ", 50_000)),
            string.Concat(Enumerable.Repeat("- ", 50_000)) + "1",
            string.Concat(Enumerable.Repeat("a ? ", 50_000)),
            string.Concat(Enumerable.Repeat("a || ", 50_000)) + "a",
            string.Concat(Enumerable.Repeat("[", 50_000)),
            string.Concat(Enumerable.Repeat("{a:", 50_000)),
            string.Concat(Enumerable.Repeat("if a {", 50_000)),
            string.Concat(Enumerable.Repeat("let a = 1;", 50_000)) + "true",
            "a" + string.Concat(Enumerable.Repeat("[a]", 50_000)),
            string.Concat(Enumerable.Repeat("len(", 50_000)),
            "let a = [1,1]; " + string.Concat(Enumerable.Range(0, 50).Select(i => $"let a{i + 1} = [{(i == 0 ? "a" : "a" + i)}, {(i == 0 ? "a" : "a" + i)}]; ")) + "toJSON(a50) == flatten(a50)",
        ];
        foreach (var text in hostile)
        {
            var spent = CpuTime.Milliseconds(() =>
            {
                var expression = Expression.Parse(text, out var problem);
                expression?.Holds(Scope(), out problem);
                Assert.NotNull(problem);
            });
            Assert.True(spent < 400, $"{spent} ms for {text[..30]}");
        }
    }

    [Fact]
    public void A_condition_on_outputs_is_judged_late_with_the_rest_written_in_it()
    {
        var expression = Expression.Parse("CI_COMMIT_BRANCH == 'main' and steps['my step'].outputs.count == \"${COUNT}\" and \"v${steps.a.outputs.b}\" == 'vx' and CI_PIPELINE_STATUS == 'success'", out _)!;
        Assert.Equal(["my step", "a"], expression.Outputs.Select(output => output.Step));
        var text = expression.Bind(name => name == "CI_PIPELINE_STATUS" ? null : Variables.GetValueOrDefault(name) ?? "", out _)!;
        Assert.True(LateCondition.Holds(text, "success", (step, key) => (step, key) == ("my step", "count") ? "3" : "x", out var problem), problem);
        Assert.False(LateCondition.Holds(text, "failure", (step, key) => (step, key) == ("my step", "count") ? "3" : "x", out _));
        Assert.False(LateCondition.Holds(text, "success", (_, _) => null, out _));
    }

    private static ExpressionScope Scope() => new(Variables.GetValueOrDefault, Variables.Keys, null);
}
