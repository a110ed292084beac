using System.Globalization;
using System.Text.Json;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>What a clone step's settings say (<c>PLUGIN_*</c>), in the words of Woodpecker's plugin-git.</summary>
internal sealed record CloneSettings
{
    private static readonly string[] Known = ["DEPTH", "TAGS", "PARTIAL", "RECURSIVE", "SUBMODULES", "SUBMODULE_OVERRIDE", "LFS", "BRANCH"];

    /// <summary>How many commits of the history; 0: all.</summary>
    public int Depth { get; private init; }

    /// <summary>Whether to get all tags.</summary>
    public bool Tags { get; private init; }

    /// <summary>Whether what no checkout needs may be left out, and fetched when it is.</summary>
    public bool Partial { get; private init; }

    /// <summary>Whether to get submodules, and theirs.</summary>
    public bool Submodules { get; private init; }

    /// <summary>Addresses of submodules in place of those in the repository, by name.</summary>
    public IReadOnlyDictionary<string, string> Overrides { get; private init; } = new Dictionary<string, string>();

    /// <summary>Whether to get what git-lfs keeps elsewhere; null: if the repository has any and the machine can.</summary>
    public bool? Lfs { get; private init; }

    /// <summary>Settings that this checkout does not know.</summary>
    public IReadOnlyList<string> Unknown { get; private init; } = [];

    /// <summary>Reads them.</summary>
    /// <exception cref="ContainerException">One has a value that it cannot have.</exception>
    public static CloneSettings Of(IReadOnlyDictionary<string, string> environment)
    {
        string? Text(string name) => environment.GetValueOrDefault("PLUGIN_" + name) is { Length: > 0 } text ? text : null;
        bool? Flag(string name) => Text(name) switch
        {
            null => null,
            "true" or "1" => true,
            "false" or "0" => false,
            var text => throw Wrong(name, text, "true or false"),
        };
        return new CloneSettings
        {
            Depth = Text("DEPTH") is not { } depth ? 0 : int.TryParse(depth, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong("DEPTH", depth, "a number"),
            Tags = Flag("TAGS") ?? false,
            Partial = Flag("PARTIAL") ?? false,
            Submodules = Flag("RECURSIVE") ?? Flag("SUBMODULES") ?? false,
            Overrides = Text("SUBMODULE_OVERRIDE") is { } json ? Read(json) : new Dictionary<string, string>(),
            Lfs = Flag("LFS"),
            Unknown = [.. environment.Keys.Where(k => k.StartsWith("PLUGIN_", StringComparison.Ordinal)).Select(k => k["PLUGIN_".Length..]).Except(Known).Order(StringComparer.Ordinal)],
        };
    }

    private static Dictionary<string, string> Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString() ?? "", StringComparer.Ordinal);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Wrong("SUBMODULE_OVERRIDE", json, "a map of submodules to addresses");
        }
    }

    private static ContainerException Wrong(string name, string text, string takes) =>
        new(ContainerFailure.InvalidSpec, $"the clone step's setting {name.ToLowerInvariant()} takes {takes}; it is '{text}'");
}
