using System.Xml.Linq;

namespace BuildRunner.EndToEnd.Tests.Shape;

/// <summary>architecture.md, "Projects and direction": who may reference whom, and where package types may appear.</summary>
public sealed class Direction_of_dependencies
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["BuildRunner.Core"] = [],
        ["BuildRunner.Containers"] = [],
        ["BuildRunner.Sandbox"] = [],
        ["BuildRunner.Agent"] = ["BuildRunner.Core", "BuildRunner.Containers"],
        ["BuildRunner.Server"] = ["BuildRunner.Core"],
        ["BuildRunner"] = ["BuildRunner.Core", "BuildRunner.Containers", "BuildRunner.Agent", "BuildRunner.Server"],
    };

    /// <summary>A package whose types stay at one edge, by the start of its name, and the projects that may reference it.</summary>
    private static readonly (string Package, string[] Projects)[] Edges =
    [
        ("Octokit", ["BuildRunner.Server"]),
        ("Hangfire", ["BuildRunner.Server"]),
        ("Serilog", ["BuildRunner"]),
        ("OpenTelemetry", ["BuildRunner"]),
        ("RabbitMQ", ["BuildRunner"]),
        ("MassTransit.RabbitMQ", ["BuildRunner"]),
        ("System.CommandLine", ["BuildRunner"]),
        ("Spectre.Console", ["BuildRunner"]),
        ("YamlDotNet", ["BuildRunner.Core"]),
        ("ZstdSharp", ["BuildRunner.Containers"]),
    ];

    public static TheoryData<string> Projects => [.. Allowed.Keys];

    [Fact]
    public void Every_project_below_src_is_known()
    {
        var projects = Directory.GetDirectories(Path.Combine(Release.Root, "src")).Select(Path.GetFileName).Order();
        Assert.Equal(Allowed.Keys.Order(), projects);
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_lies_below_it(string project) =>
        Assert.Empty(References(project, "ProjectReference").Select(Path.GetFileNameWithoutExtension).Except(Allowed[project]));

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_package_stays_at_its_edge(string project)
    {
        var strays = References(project, "PackageReference")
            .Where(package => Edges.Any(e => package.StartsWith(e.Package, StringComparison.Ordinal) && !e.Projects.Contains(project)));
        Assert.Empty(strays);
    }

    [Fact]
    public void Every_package_version_is_exact()
    {
        var versions = XDocument.Load(Path.Combine(Release.Root, "Directory.Packages.props")).Descendants("PackageVersion");
        Assert.All(versions, v => Assert.Matches(@"^\[[^,]+\]$", v.Attribute("Version")!.Value));
    }

    private static IEnumerable<string> References(string project, string kind) =>
        XDocument.Load(Path.Combine(Release.Root, "src", project, project + ".csproj")).Descendants(kind).Select(r => r.Attribute("Include")!.Value);
}
