using System.Text.RegularExpressions;

namespace BuildRunner.EndToEnd.Tests.Shape;

/// <summary>The tests of this repository by the names that they have in their sources, and whether they run only on demand.</summary>
internal sealed partial class TestSources
{
    private readonly Dictionary<string, Dictionary<string, bool>> _classes = [];

    private TestSources()
    {
    }

    /// <summary>Reads the sources below a folder.</summary>
    public static TestSources Of(string folder)
    {
        var sources = new TestSources();
        foreach (var file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/", StringComparison.Ordinal)))
        {
            sources.Read(File.ReadLines(file));
        }

        return sources;
    }

    /// <summary>What is wrong with a name: that there is no such class, no such test in it, or that it is said to run on demand and does not, or the other way round; null: nothing.</summary>
    /// <param name="type">The class; that of a contract counts for those that derive from it.</param>
    /// <param name="method">The test; null: all of the class.</param>
    /// <param name="onDemand">What is said of it.</param>
    public string? ProblemOf(string type, string? method, bool onDemand)
    {
        if (!_classes.TryGetValue(type, out var tests) || tests.Count == 0)
        {
            return $"no class {type} has tests";
        }

        if (method is not null && !tests.ContainsKey(method))
        {
            return $"{type} has no test {method}";
        }

        var isOnDemand = method is not null ? tests[method] : tests.Values.All(e => e);
        return isOnDemand == onDemand ? null : $"{type}{(method is null ? "" : "." + method)} runs {(isOnDemand ? "on demand only" : "in the suite")}";
    }

    private void Read(IEnumerable<string> lines)
    {
        Dictionary<string, bool> tests = [];
        bool? explicitly = null;
        foreach (var line in lines)
        {
            if (ClassPattern().Match(line) is { Success: true } type)
            {
                var name = type.Groups[1].Value;
                tests = _classes.TryGetValue(name, out var known) ? known : _classes[name] = [];
            }
            else if (AttributePattern().IsMatch(line))
            {
                explicitly = line.Contains("Explicit = true", StringComparison.Ordinal);
            }
            else if (explicitly is { } marked && MethodPattern().Match(line) is { Success: true } method)
            {
                tests[method.Groups[1].Value] = marked;
                explicitly = null;
            }
        }
    }

    // Of the file itself, not one within another.
    [GeneratedRegex(@"^(?:public|internal) .*\bclass (\w+)")]
    private static partial Regex ClassPattern();

    [GeneratedRegex(@"^    \[(?:Fact|Theory)\b")]
    private static partial Regex AttributePattern();

    [GeneratedRegex(@"^    public (?:async )?(?:Task|void) (\w+)\(")]
    private static partial Regex MethodPattern();
}
