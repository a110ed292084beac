namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>A comment on a pull request that approves or declines a commit: <c>/buildrunner approve COMMIT</c>, alone on its first line.</summary>
/// <remarks>The commit is written out in full: the start of one can be met by another that is pushed in the meantime.</remarks>
internal static class CommentEvents
{
    private const string Command = "/buildrunner";

    /// <summary>Reads the event.</summary>
    public static (Trigger Trigger, string Key) Read(Payload payload)
    {
        var key = EventKey.Of("issue_comment", payload.Raw("repository.id"), payload.Raw("comment.id"));
        if (!payload.Has("issue.pull_request"))
            return (new Trigger.Nothing("the comment is not on a pull request"), key);
        var words = Facts.FirstLine(payload.Text("comment.body")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not [Command, ..])
            return (new Trigger.Nothing($"the comment does not begin with {Command}"), key);
        var repository = payload.Repository();
        var (number, actor) = (payload.Number("issue.number"), payload.Person("sender"));
        if (payload.Id("comment.user.id") != actor.Id)
            return (new Trigger.Nothing("the comment is not its sender's"), key);
        Trigger trigger = words switch
        {
            [_, "approve" or "decline", var commit] when GitName.IsCommit(commit) => new Trigger.Approve(repository, commit, number, words[1] == "approve", actor),
            _ => new Trigger.Nothing($"the comment is not '{Command} approve COMMIT' or '{Command} decline COMMIT' with the whole commit"),
        };
        return (trigger, key);
    }
}
