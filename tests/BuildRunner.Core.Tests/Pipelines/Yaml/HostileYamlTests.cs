using System.Text;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Tests.Planning;

namespace BuildRunner.Core.Tests.Pipelines.Yaml;

public sealed class HostileYamlTests
{
    private const int Limit = 256 * 1024;

    public static TheoryData<string, string, string> Bombs => new()
    {
        { "deep flow lists", new string('[', Limit - 1), "BR1005" },
        { "deep flow mappings", string.Concat(Enumerable.Repeat("{a: ", 60_000)), "BR1005" },
        { "deep block lists", string.Concat(Enumerable.Range(0, 700).Select(i => new string(' ', i) + "-\n")), "BR1005" },
        { "deep block lists on one line", string.Concat(Enumerable.Repeat("- ", 100_000)), "BR1005" },
        { "deep explicit keys", string.Concat(Enumerable.Repeat("? ", 100_000)), "BR1005" },
        { "a billion laughs", Laughs("[{0},{0},{0},{0},{0},{0},{0},{0},{0}]"), "BR1006" },
        { "a billion laughs in mappings", Laughs("{{a: {0}, b: {0}, c: {0}, d: {0}, e: {0}, f: {0}, g: {0}, h: {0}}}"), "BR1006" },
        { "a merge bomb", MergeBomb(), "BR1006" },
        { "many nodes", "a: [" + string.Concat(Enumerable.Repeat("a,", 20_000)) + "]", "BR1006" },
        { "many keys", string.Concat(Enumerable.Range(0, 20_000).Select(i => $"k{i}: v\n")), "BR1006" },
        { "an alias of itself", "a: &a [*a]", "BR1007" },
        { "a mapping that merges itself", "a: &a\n  <<: *a\n", "BR1007" },
        { "an alias of nothing", "a: *b", "BR1007" },
        { "a second document", "steps: {a: {image: x}}\n---\nsteps: {a: {image: x}}\n", "BR1004" },
        { "an unknown tag", "steps: !python/object x", "BR1009" },
        { "a key that is a list", "[a, b]: c", "BR1011" },
        { "an empty file", "", "BR1012" },
        { "only comments", "# nothing\n", "BR1012" },
        { "a list", "- a\n", "BR1012" },
        { "unclosed quotes", "a: \"" + new string('x', 100_000), "BR1003" },
        { "many unclosed substitutions", "steps: {a: {image: '" + string.Concat(Enumerable.Repeat("${", 100_000)) + "'}}", "BR1028" },
        { "many anchors", string.Concat(Enumerable.Range(0, 20_000).Select(i => $"- &a{i} x\n")), "BR1006" },
        { "one long plain scalar", "a: " + new string('x', Limit - 100), "BR1029" },
        { "one long key", new string('x', Limit - 100) + ": a", "BR1003" },
        { "many lines of a plain scalar", "a:\n" + string.Concat(Enumerable.Repeat("  x\n", 60_000)), "BR1029" },
        { "many blank lines", "a: |\n" + new string('\n', Limit - 100), "BR1029" },
        { "many comments", string.Concat(Enumerable.Repeat("#\n", 120_000)) + "a: b", "BR1029" },
        { "many tabs", "a:\n" + new string('\t', 200_000), "BR1003" },
        { "many directives", string.Concat(Enumerable.Repeat("%A b\n", 40_000)) + "--- a", "BR1012" },
        { "many escapes", "a: \"" + string.Concat(Enumerable.Repeat("\\u0041", 40_000)) + "\"", "BR1029" },
        { "many question marks", "{" + string.Concat(Enumerable.Repeat("?,", 100_000)), "BR1008" },
        { "many colons", string.Concat(Enumerable.Repeat(": ", 100_000)), "BR1003" },
    };

    [Theory]
    [MemberData(nameof(Bombs))]
    public void A_hostile_file_ends_in_an_error_soon_and_with_little_memory(string name, string yaml, string code)
    {
        Assert.NotEmpty(name);
        var source = new PipelineSource("a.yml", Encoding.UTF8.GetBytes(yaml));
        Planner.Lint([source]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var said = Planner.Lint([source]);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var spent = CpuTime.Milliseconds(() => Planner.Lint([source]));
        Assert.Contains(code, said.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(diagnostic => diagnostic.Code));
        Assert.InRange(spent, 0, 500);
        Assert.InRange(allocated, 0, 64L * 1024 * 1024);
        Assert.InRange(said.Count, 1, 201);
    }

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Reading_stops_at_the_limit_of_nodes(string name, string yaml, string code)
    {
        Assert.NotEmpty(name + code);
        YamlTreeReader.Read("a.yml", Encoding.UTF8.GetBytes(yaml), new DiagnosticBag(), out var events);
        Assert.InRange(events, 1, (2 * YamlLimits.Nodes) + 10);
    }

    [Fact]
    public void An_alias_costs_what_it_stands_for()
    {
        // 99 nodes, ten thousand when they are written out.
        var yaml = "a: &a [" + string.Concat(Enumerable.Repeat("1,", 97)) + "]\nb: [" + string.Concat(Enumerable.Repeat("*a,", 102)) + "]";
        var diagnostics = new DiagnosticBag();
        Assert.Null(YamlTreeReader.Read("a.yml", Encoding.UTF8.GetBytes(yaml), diagnostics, out var events));
        Assert.True(diagnostics.HasErrors);
        Assert.InRange(events, 1, 250);
    }

    [Fact]
    public void The_largest_matrix_over_a_large_file_is_planned_in_bounded_memory()
    {
        var yaml = new StringBuilder("matrix: {a: [").AppendJoin(',', Enumerable.Range(0, 256)).Append("]}\nsteps:\n");
        for (var i = 0; i < 200; i++)
            yaml.Append(System.Globalization.CultureInfo.InvariantCulture, $"- {{name: s{i}, image: 'x:${{a}}', commands: [a, b, c], environment: {{A: '${{CI_COMMIT_MESSAGE}}'}}}}\n");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var result = Plans.Result(yaml.ToString(), Plans.Push.With("CI_COMMIT_MESSAGE", new string('m', 100)));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(256, result.Plan!.Workflows.Count);
        Assert.InRange(allocated, 0, 1L << 30);
    }

    [Theory]
    [InlineData(new byte[] { 0x61, 0x3A, 0x20, 0x00 }, "holds a NUL")]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x61, 0x00 }, "is UTF-16")]
    [InlineData(new byte[] { 0xFE, 0xFF, 0x00, 0x61 }, "is UTF-16")]
    [InlineData(new byte[] { 0x61, 0x3A, 0x0A, 0x62, 0xC3, 0x28 }, "is not UTF-8")]
    public void Bytes_that_are_no_UTF_8_are_refused_by_name(byte[] content, string message)
    {
        var error = Assert.Single(Planner.Lint([new PipelineSource("a.yml", content)]));
        Assert.Equal("BR1002", error.Code);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_place_of_a_bad_byte_is_told()
    {
        var error = Assert.Single(Planner.Lint([new PipelineSource("a.yml", new byte[] { 0x61, 0x3A, 0x0A, 0x62, 0xC3, 0x28 })]));
        Assert.Equal((2, 2), (error.Location.Line, error.Location.Column));
    }

    [Fact]
    public void A_byte_order_mark_of_UTF_8_is_passed_over()
    {
        Assert.Empty(Planner.Lint([new PipelineSource("a.yml", (byte[])[0xEF, 0xBB, 0xBF, .. "steps: {a: {image: x}}"u8])]));
    }

    [Fact]
    public void A_file_that_is_too_large_is_refused_unread()
    {
        Assert.Equal("BR1001", Assert.Single(Planner.Lint([new PipelineSource("a.yml", new byte[Limit + 1])])).Code);
    }

    [Fact]
    public void A_duplicate_key_is_an_error_at_the_second_one()
    {
        var error = Plans.Error("steps:\n  a: {image: x}\nskip_clone: true\nskip_clone: false\n");
        Assert.Equal(("BR1008", "`skip_clone` is already in line 3", 4), (error.Code, error.Message, error.Location.Line));
    }

    [Fact]
    public void Substitution_cannot_be_made_to_fill_memory()
    {
        var yaml = new StringBuilder("steps:\n  a:\n    image: x\n    environment:\n");
        for (var i = 0; i < 3000; i++)
            yaml.Append("      V").Append(i).Append(": ${CI_COMMIT_MESSAGE//a/${CI_COMMIT_MESSAGE}}\n");
        var message = new string('a', 60_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var errors = Plans.Errors(yaml.ToString(), Plans.Push.With("CI_COMMIT_MESSAGE", message));
        Assert.All(errors, error => Assert.Contains(error.Code, new[] { "BR1028", "BR1199" }));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024L * 1024 * 1024);
    }

    private static string Laughs(string level)
    {
        var text = new StringBuilder("v0: &v0 lol\n");
        for (var i = 1; i < 30; i++)
            text.Append('v').Append(i).Append(": &v").Append(i).Append(' ').AppendFormat(System.Globalization.CultureInfo.InvariantCulture, level, $"*v{i - 1}").Append('\n');
        return text.ToString();
    }

    private static string MergeBomb()
    {
        var text = new StringBuilder("v0: &v0 {a: b}\n");
        for (var i = 1; i < 30; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"v{i}: &v{i} {{k{i}: {{<<: [*v{i - 1}, *v{i - 1}]}}, l{i}: {{<<: [*v{i - 1}]}}}}\n");
        return text.ToString();
    }
}
