using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>Writes down what GitHub would have told of something that was found, in its own words, so that one reader serves both. <c>found</c> says that it was.</summary>
internal static class FoundEvents
{
    /// <summary>The member that marks such an event.</summary>
    public const string Mark = "found";

    // GitHub's own stand-in for people who are not there.
    private const long GhostId = 10137;

    private const string NoCommit = "0000000000000000000000000000000000000000";

    /// <summary>A branch or tag that is at a commit.</summary>
    public static byte[] Push(ForgeRepositoryRow link, string defaultBranch, string reference, string? before, string commit, string message)
    {
        var tag = reference.StartsWith("refs/tags/", StringComparison.Ordinal);
        return Bytes(new JsonObject
        {
            [Mark] = true,
            ["ref"] = reference,
            ["before"] = tag ? NoCommit : before ?? NoCommit,
            ["after"] = commit,
            ["created"] = before is null,
            ["deleted"] = false,
            // Not a sum of commits: GitHub is asked what was changed.
            ["forced"] = true,
            ["head_commit"] = new JsonObject { ["id"] = commit, ["message"] = message },
            ["commits"] = new JsonArray(),
            ["repository"] = Repository(link, defaultBranch),
            ["sender"] = new JsonObject { ["id"] = link.Owner, ["login"] = link.FullName.Split('/')[0] },
        }, link);
    }

    /// <summary>An open pull request.</summary>
    public static byte[] Pull(ForgeRepositoryRow link, PullReply pull)
    {
        var author = new JsonObject { ["id"] = pull.User?.Id ?? 0, ["login"] = pull.User?.Login ?? "" };

        // Who pushed is not known. Of a fork it is taken for somebody else than the author, so that trust is not given too early.
        var fork = pull.Head?.Repo is not { } repo || repo.Id != pull.Base?.Repo?.Id;
        return Bytes(new JsonObject
        {
            [Mark] = true,
            ["action"] = fork ? "synchronize" : "opened",
            ["number"] = pull.Number,
            ["pull_request"] = new JsonObject
            {
                ["number"] = pull.Number,
                ["title"] = pull.Title ?? "",
                ["html_url"] = pull.HtmlUrl,
                ["draft"] = pull.Draft,
                ["author_association"] = pull.AuthorAssociation ?? "NONE",
                ["updated_at"] = pull.UpdatedAt,
                ["user"] = author,
                ["labels"] = new JsonArray(),
                ["head"] = Side(pull.Head),
                ["base"] = Side(pull.Base),
            },
            ["repository"] = Repository(link, pull.Base?.Repo?.DefaultBranch ?? ""),
            ["sender"] = fork ? new JsonObject { ["id"] = GhostId, ["login"] = "ghost" } : author.DeepClone(),
        }, link);
    }

    private static JsonObject Side(PullSideReply? side) => new()
    {
        ["ref"] = side?.Ref,
        ["sha"] = side?.Sha,
        ["repo"] = side?.Repo is { } repo ? new JsonObject { ["id"] = repo.Id, ["owner"] = new JsonObject { ["id"] = repo.Owner?.Id ?? 0 } } : null,
    };

    private static JsonObject Repository(ForgeRepositoryRow link, string defaultBranch) => new()
    {
        ["id"] = link.ForgeId,
        ["full_name"] = link.FullName,
        ["name"] = link.FullName.Split('/')[^1],
        ["private"] = link.Private,
        ["default_branch"] = defaultBranch,
        ["owner"] = new JsonObject { ["id"] = link.Owner, ["login"] = link.FullName.Split('/')[0] },
    };

    private static byte[] Bytes(JsonObject payload, ForgeRepositoryRow link)
    {
        if (link.Installation is { } installation)
        {
            payload["installation"] = new JsonObject { ["id"] = installation };
        }

        return JsonSerializer.SerializeToUtf8Bytes(payload, StoredJson.Default.JsonObject);
    }
}
