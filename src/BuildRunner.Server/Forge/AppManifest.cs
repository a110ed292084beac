using System.Text.Json.Nodes;

namespace BuildRunner.Server.Forge;

/// <summary>What GitHub is asked to make an app of: what BuildRunner needs, no more.</summary>
internal static class AppManifest
{
    /// <summary>Where GitHub sends the browser back to.</summary>
    public const string Made = "/github-app-made";

    // GitHub takes no longer ones.
    private const int MaxName = 34;

    // Some events are told only to who may read what they are about.
    private static readonly (string Name, string Level)[] Permissions =
        [("checks", "write"), ("contents", "read"), ("pull_requests", "read"), ("metadata", "read"), ("issues", "read"), ("deployments", "read"), ("merge_queues", "read")];

    /// <summary>The manifest, as JSON.</summary>
    /// <param name="root">Where people and GitHub reach this server; ends with a slash.</param>
    public static string Of(Uri root)
    {
        ArgumentNullException.ThrowIfNull(root);
        var name = $"BuildRunner {root.Host}";
        return new JsonObject
        {
            ["name"] = name[..Math.Min(name.Length, MaxName)],
            ["url"] = root.AbsoluteUri,
            ["description"] = "Runs pipelines, and shows at each commit how they went.",
            ["hook_attributes"] = new JsonObject { ["url"] = HookOf(root).AbsoluteUri, ["active"] = !root.IsLoopback },
            ["redirect_url"] = new Uri(root, Made[1..]).AbsoluteUri,
            ["public"] = false,
            ["default_permissions"] = new JsonObject(Permissions.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)p.Level))),
            ["default_events"] = new JsonArray([.. GitHubHealth.Events.Select(e => (JsonNode)e)]),
        }.ToJsonString();
    }

    /// <summary>Where GitHub sends events, below the path that a proxy serves the server at.</summary>
    public static Uri HookOf(Uri root) => new($"{root.AbsoluteUri.TrimEnd('/')}/hooks/github");

    /// <summary>Whether a text can be an organisation's name at GitHub.</summary>
    public static bool IsOrganisation(string text) => text.Length is > 0 and <= 39 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
}
