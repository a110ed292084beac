using System.Text;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Tests.Planning;
using CsCheck;
using NJsonSchema;
using NJsonSchema.Validation;

namespace BuildRunner.Core.Tests.Pipelines;

/// <summary>Valid files pass; each with one mistake is refused at the line of the mistake; and the JSON schema agrees.</summary>
public sealed class CorpusTests
{
    private static readonly string[] Kinds = ["BR1020", "BR1021", "BR1022", "BR1023", "BR1024", "BR1025", "BR1026", "BR1027", "BR1028", "BR1029", "BR1041", "BR1042"];

    public static TheoryData<string> Names => [.. Corpus.Files.Select(file => file.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_valid_file_passes(string name)
    {
        var yaml = Yaml(name);
        Assert.Empty(Errors(yaml));
        Assert.Empty(Errors(BlockWriter.Write(Tree(yaml)).Text));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_with_one_mistake_is_refused_at_its_line(string name)
    {
        foreach (var mutant in Mutant.Of(Tree(Yaml(name))))
        {
            var written = BlockWriter.Write(mutant.Root);
            var errors = Errors(written.Text);
            var lines = mutant.At.SelectMany(written.LinesOf).ToHashSet();
            Assert.True(errors.Any(error => (error.Code == mutant.Code || IsTwin(error.Code, mutant.Code)) && lines.Contains(error.Location.Line)),
                $"{mutant.Kind}: {mutant.Code} is expected in line {string.Join(" or ", lines)}, but there is\n{string.Join('\n', errors)}\nof\n{written.Text}");
            Assert.Null(Planner.Plan([Plans.Source(written.Text)], Plans.Push).Plan);
        }
    }

    [Fact]
    public void Every_kind_of_mistake_is_made()
    {
        var made = Corpus.Files.SelectMany(file => Mutant.Of(Tree(file.Yaml))).ToList();
        Assert.Equal(Kinds, made.Select(mutant => mutant.Code).Distinct().Order(StringComparer.Ordinal));
        Assert.True(made.Count > 1500, $"only {made.Count} mutants");
    }

    [Fact]
    public async Task The_schema_agrees_on_files_and_on_mistakes()
    {
        var schema = await JsonSchema.FromJsonAsync(PipelineSchema.ToJson(), TestContext.Current.CancellationToken);
        var validator = new JsonSchemaValidator();
        var differences = new List<string>();
        foreach (var (name, yaml) in Corpus.Files)
        {
            var tree = Tree(yaml);
            Assert.True(validator.Validate(TreeJson.Of(tree), schema).Count == 0, $"{name}: {string.Join('\n', validator.Validate(TreeJson.Of(tree), schema))}");
            foreach (var mutant in Mutant.Of(tree))
            {
                if (mutant.SeenBySchema != validator.Validate(TreeJson.Of(mutant.Root), schema).Count > 0)
                    differences.Add($"{name}: {mutant.Kind} ({mutant.Code})");
            }
        }
        Assert.Empty(differences.Distinct());
    }

    [Fact]
    public void A_valid_file_that_is_damaged_anyhow_ends_in_a_plan_or_a_diagnostic() =>
        Gen.Select(Gen.Int[0, Corpus.Files.Count - 1], Gen.Int[0, 4], Gen.Int[0, int.MaxValue], Gen.Int[0, int.MaxValue], Gen.Char["{}[]:,#&*!|>'\"%@`-?~ \n\t$<\\\u0000\u2028é"]).Sample(
            (file, damage, from, to, sign) =>
            {
                var result = Plans.Result(Damaged(Corpus.Files[file].Yaml, damage, from, to, sign));
                Assert.True(result.Plan is not null || result.Diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
            },
            iter: 3000);

    private static string Damaged(string yaml, int damage, int from, int to, char sign)
    {
        var at = from % yaml.Length;
        var length = Math.Min(to % 40, yaml.Length - at);
        return damage switch
        {
            0 => yaml.Insert(at, sign.ToString()),
            1 => yaml.Remove(at, length),
            2 => yaml.Insert(to % yaml.Length, yaml.Substring(at, length)),
            3 => yaml[..at],
            _ => yaml.Remove(at, 1).Insert(at, sign.ToString()),
        };
    }

    /// <summary>Run with UPDATE_DOCS=1 in the environment to write it anew.</summary>
    [Fact]
    public void The_schema_in_the_repository_is_the_one_that_is_made()
    {
        var path = Path.Combine(Corpus.Documentation, "pipeline.schema.json");
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, PipelineSchema.ToJson());
        Assert.Equal(PipelineSchema.ToJson(), File.ReadAllText(path));
    }

    // A mapping with a wrong key where text may stand too is a wrong key or no text, as the kinds at that place have it.
    private static bool IsTwin(string code, string expected) => expected == "BR1021" && code is "BR1020" or "BR1029";

    private static string Yaml(string name) => Corpus.Files.First(file => file.Name == name).Yaml;

    private static IEnumerable<Diagnostic> Errors(string yaml) => Planner.Lint([Plans.Source(yaml)]).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

    private static YamlNode.Mapping Tree(string yaml) => (YamlNode.Mapping)YamlTreeReader.Read("a.yml", Encoding.UTF8.GetBytes(yaml), new DiagnosticBag())!;
}
