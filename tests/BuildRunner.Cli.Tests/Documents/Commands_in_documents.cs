using System.CommandLine;
using System.Text.RegularExpressions;

namespace BuildRunner.Cli.Tests.Documents;

/// <summary>Every call of <c>buildrunner</c> in README, documentation, samples, units and messages is one that the command line knows.</summary>
public sealed partial class Commands_in_documents : IDisposable
{
    // Options of the tests' and the campaign's programs, which our pages name alone.
    private static readonly string[] Others = ["--explicit", "--filter-class", "--filter-method", "--runs"];

    private readonly TestCli cli = new();
    private readonly RootCommand root;
    private readonly HashSet<string> verbs;

    public Commands_in_documents()
    {
        root = cli.Root();
        verbs = root.Subcommands.SelectMany(c => c.Aliases.Append(c.Name).SelectMany(n => c.Subcommands.Count > 0 ? [n, n + " "] : new[] { n })).ToHashSet(StringComparer.Ordinal);
    }

    [Fact]
    public void What_the_pages_say_to_type_is_understood()
    {
        var calls = Checkout.Pages.SelectMany(p => WrittenCommand.In(p, Checkout.Read(p), verbs)).ToList();
        Checkout.None(calls.SelectMany(c => c.IsWhole ? Whole(c) : Named(c)));
        Assert.InRange(calls.Count(c => c.IsWhole), 90, int.MaxValue);
        Assert.InRange(calls.Count(c => !c.IsWhole), 80, int.MaxValue);
        Assert.Contains(calls, c => c.File.EndsWith("buildrunner-server.service", StringComparison.Ordinal));
        Assert.Contains(calls, c => c.File == "deploy/compose.yml");
    }

    [Fact]
    public void What_messages_say_to_type_is_understood()
    {
        var calls = Checkout.Sources.SelectMany(s => WrittenCommand.InSource(s, Checkout.Read(s), verbs)).ToList();
        Checkout.None(calls.SelectMany(Named));
        Assert.InRange(calls.Count, 80, int.MaxValue);
    }

    [Fact]
    public void An_option_that_a_page_names_alone_is_one_of_some_verb()
    {
        var known = All(root).SelectMany(c => c.Options).SelectMany(o => o.Aliases.Append(o.Name)).Concat(Others).ToHashSet(StringComparer.Ordinal);
        var named = Checkout.Pages.Where(p => p.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(p => Checkout.Read(p).Split('\n').SelectMany((l, i) => LoneOption().Matches(l).Select(m => (Place: $"{p}({i + 1})", Option: m.Groups["option"].Value)))).ToList();
        Checkout.None(named.Where(n => !known.Contains(n.Option)).Select(n => $"{n.Place}: no verb has an option {n.Option}"));
        Assert.InRange(named.Count, 50, int.MaxValue);
    }

    [Theory]
    [InlineData("```sh\nbuildrunner run --sped 3\n```", "x.md(2): buildrunner run --sped 3: there is no option '--sped'.")]
    [InlineData("```sh\necho \"$T\" | ./buildrunner secret st name\n```", "x.md(2): buildrunner secret st name: there is no verb 'secret st'.")]
    [InlineData("one\ntwo `buildrunner repo ad A/B URL`", "x.md(2): buildrunner repo ad A/B URL: there is no verb 'repo ad'.")]
    [InlineData("`repo set --trsut devices`", "x.md(1): buildrunner repo set --trsut devices: 'repo set' has no option '--trsut'.")]
    [InlineData("`webhook delivries`", "x.md(1): buildrunner webhook delivries: there is no verb 'webhook delivries'.")]
    [InlineData("| `ls [--repo --brunch]` |", "x.md(1): buildrunner ls --repo --brunch: 'ls' has no option '--brunch'.")]
    [InlineData("```sh\nbuildrunner run --engine dokcer\n```", "x.md(2): buildrunner run --engine dokcer: --engine takes")]
    public void A_mistake_is_told_with_its_place(string page, string expected)
    {
        var call = Assert.Single(WrittenCommand.In("x.md", page, verbs));
        Assert.StartsWith(expected, Assert.Single(call.IsWhole ? Whole(call) : Named(call)), StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public void Dispose() => cli.Dispose();

    // As if somebody had typed it, but that nothing is done.
    private IEnumerable<string> Whole(WrittenCommand call) =>
        UsageErrors.Of(root.Parse([.. call.Words], CommandLine.Parsing), call.Words).Select(e => $"{call}: {e}");

    // Verbs and options only: what a sentence names need not be complete.
    private IEnumerable<string> Named(WrittenCommand call)
    {
        var (command, path, at) = ((Command)root, "", 0);
        var options = root.Options.Where(o => o.Recursive).ToList();
        for (; at < call.Words.Count && VerbWord().IsMatch(call.Words[at]); at++)
        {
            var names = call.Words[at].Replace("\\|", "|", StringComparison.Ordinal).Split('|');
            if (command.Subcommands.Count == 0 || (command.Arguments.Count > 0 && Child(command, names[0]) is null))
            {
                break;
            }

            foreach (var name in names.Where(n => Child(command, n) is null))
            {
                yield return $"{call}: there is no verb '{path}{name}'.";
                yield break;
            }

            command = Child(command, names[0])!;
            path += names[0] + " ";
            options.AddRange(command.Options);
        }

        options.AddRange(command.Options);
        foreach (var word in call.Words.Skip(at).TakeWhile(w => w != "--").SelectMany(w => w.Split('|', '=')[..1]).Where(w => OptionWord().IsMatch(w)))
        {
            if (!options.Any(o => o.Name == word || o.Aliases.Contains(word)))
            {
                yield return $"{call}: '{path.TrimEnd()}' has no option '{word}'.";
            }
        }
    }

    private static Command? Child(Command command, string name) => command.Subcommands.FirstOrDefault(c => c.Name == name || c.Aliases.Contains(name));

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);

    [GeneratedRegex(@"^[a-z][a-z-]*(\\?\|[a-z-]+)*$", RegexOptions.ExplicitCapture)]
    private static partial Regex VerbWord();

    [GeneratedRegex(@"^--?[a-zA-Z][a-z-]*$")]
    private static partial Regex OptionWord();

    [GeneratedRegex(@"`(?<option>--[a-z][a-z-]*)[^`]*`", RegexOptions.ExplicitCapture)]
    private static partial Regex LoneOption();
}
