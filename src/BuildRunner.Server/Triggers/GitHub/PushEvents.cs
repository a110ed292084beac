using System.Text.RegularExpressions;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>A push of a branch or a tag.</summary>
internal static partial class PushEvents
{
    private const string Heads = "refs/heads/";
    private const string Tags = "refs/tags/";

    // Beyond these, GitHub's lists are cut short, or we would rather ask for the comparison than trust a sum of commits.
    private const int MaxCommits = 1000;
    private const int MaxFiles = 3000;

    /// <summary>Reads the event.</summary>
    public static (Trigger Trigger, string Key) Read(Payload payload)
    {
        var reference = payload.Ref("ref");
        var (before, after) = (payload.Name("before"), payload.Name("after"));
        var key = EventKey.Of("push", payload.Raw("repository.id"), reference, before, after, payload.Raw("repository.pushed_at"));
        if (payload.Flag("deleted") || GitName.IsNoCommit(after))
            return (new Trigger.Nothing($"{reference} was deleted"), key);
        if (reference.StartsWith(Heads + "gh-readonly-queue/", StringComparison.Ordinal))
            return (new Trigger.Nothing("a merge queue's branch; its run comes from the merge_group event"), key);
        if (!reference.StartsWith(Heads, StringComparison.Ordinal) && !reference.StartsWith(Tags, StringComparison.Ordinal))
            return (new Trigger.Nothing($"{reference} is neither a branch nor a tag"), key);
        return (new Trigger.StartRun(Request(payload, reference, before)), key);
    }

    /// <summary>Why a commit's or pull request's author does not want a run; null: nothing is said of it. As in Woodpecker: <c>[skip ci]</c> or <c>[ci skip]</c>.</summary>
    public static string? WhySkip(string message) => SkipMark().IsMatch(message) ? "the message says [skip ci]" : null;

    private static RunRequest Request(Payload payload, string reference, string before)
    {
        var tag = reference.StartsWith(Tags, StringComparison.Ordinal);
        var message = payload.Text("head_commit.message");
        var repository = payload.Repository();
        // A tag's "after" is the tag object's id if it is annotated; the commit is what was tagged.
        var commit = payload.Commit("head_commit.id");
        return new()
        {
            Repository = repository,
            Event = new()
            {
                Kind = tag ? "tag" : "push",
                Branch = tag ? Branch(payload.OptionalName("base_ref")) : reference[Heads.Length..],
                Ref = reference,
                Commit = commit,
                Repository = repository.FullName,
                DefaultBranch = repository.DefaultBranch,
                ChangedFiles = tag ? null : Files(payload),
            },
            Facts = Facts.Of(payload, new()
            {
                Message = message,
                Timestamp = payload.Seconds("head_commit.timestamp"),
                Author = payload.OptionalName("sender.login"),
                AuthorEmail = payload.OptionalName("head_commit.author.email"),
            }, payload.OptionalName("head_commit.url")),
            Actor = payload.Person("sender"),
            Title = Facts.FirstLine(message),
            ChangesSince = tag || !GitName.IsCommit(before) || GitName.IsNoCommit(before) ? null : before,
            Skip = tag ? null : WhySkip(message),
        };
    }

    private static string Branch(string? baseRef) => baseRef?.StartsWith(Heads, StringComparison.Ordinal) == true && GitName.IsRef(baseRef) ? baseRef[Heads.Length..] : "";

    /// <summary>The files of a plain push, from its commits; null if the payload cannot tell: then the forge is asked to compare.</summary>
    private static List<string>? Files(Payload payload)
    {
        if (payload.Flag("created") || payload.Flag("forced"))
            return null;
        var commits = payload.Items("commits").Take(MaxCommits + 1).ToList();
        var files = commits.SelectMany(commit => commit.Items("added").Concat(commit.Items("modified")).Concat(commit.Items("removed"))).Select(file => file.Itself());
        var known = files.Take(MaxFiles + 1).ToList();
        return commits.Count is 0 or > MaxCommits || known.Count > MaxFiles || known.Contains(null)
            ? null
            : [.. known.OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    [GeneratedRegex(@"\[(?:ci *skip|skip *ci)\]", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex SkipMark();
}
