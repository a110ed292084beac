namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>Somebody presses a button at a check.</summary>
internal static class CheckEvents
{
    /// <summary>What the buttons are called; GitHub allows 20 characters.</summary>
    public const string RerunFailed = "rerun_failed";

    /// <summary>Ends the run.</summary>
    public const string Cancel = "cancel";

    /// <summary>Approves the check's commit.</summary>
    public const string Approve = "approve";

    /// <summary>Reads an event about one check.</summary>
    public static (Trigger Trigger, string Key) ReadRun(Payload payload, string action)
    {
        var repository = payload.Repository();
        var actor = payload.Person("sender");
        var commit = payload.Commit("check_run.head_sha");
        var button = action == "requested_action" ? payload.Name("requested_action.identifier") : "";
        // When it was completed tells a second wish from the first: a check that runs again is no longer completed.
        var key = EventKey.Of(
            "check_run", payload.Raw("repository.id"), payload.Raw("check_run.id"), action, button, payload.Raw("check_run.started_at"), payload.Raw("check_run.completed_at"));
        if (CheckKey.Parse(payload.OptionalName("check_run.external_id")) is not { } check)
            return (new Trigger.Nothing("the check is not one of BuildRunner's"), key);
        Trigger trigger = (action, button) switch
        {
            ("rerequested", _) => new Trigger.Rerun(repository, new RerunScope.Check(check), actor),
            (_, RerunFailed) => new Trigger.Rerun(repository, new RerunScope.FailedOf(check), actor),
            (_, Cancel) => new Trigger.Cancel(repository, check, actor),
            (_, Approve) => new Trigger.Approve(repository, commit, null, true, actor),
            _ => new Trigger.Nothing("no check of BuildRunner's has this button"),
        };
        return (trigger, key);
    }

    /// <summary>Reads an event about all checks of a commit.</summary>
    public static (Trigger Trigger, string Key) ReadSuite(Payload payload, GitHubIdentity self)
    {
        var repository = payload.Repository();
        var actor = payload.Person("sender");
        var commit = payload.Commit("check_suite.head_sha");
        var key = EventKey.Of("check_suite", payload.Raw("repository.id"), payload.Raw("check_suite.id"), payload.Raw("check_suite.updated_at"));
        return payload.OptionalId("check_suite.app.id") is { } app && app == self.AppId
            ? (new Trigger.Rerun(repository, new RerunScope.Commit(commit), actor), key)
            : (new Trigger.Nothing("the checks are not BuildRunner's"), key);
    }
}
