using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>One documented behaviour: files, an event, and what must come of them.</summary>
/// <param name="Title">The behaviour, as a sentence.</param>
/// <param name="Files">The pipeline file; or several, each behind a line <c>=== path</c>.</param>
/// <param name="Outcomes">
/// How every step and service ends: <c>build=success deploy=skipped</c>; with several workflows <c>lint/check=success</c>. Empty: the plan is looked at, nothing runs.
/// </param>
internal sealed record Scenario(string Title, string Files, string Outcomes)
{
    /// <summary>How the run ends.</summary>
    public string Result { get; init; } = "success";

    /// <summary>Codes of the errors that refuse the files, in order; nothing is planned then.</summary>
    public string Refused { get; init; } = "";

    /// <summary>Codes of the warnings, in order, each once.</summary>
    public string Warns { get; init; } = "";

    /// <summary>What the run is for.</summary>
    public RunEvent Event { get; init; } = On.Push;

    /// <summary>Secrets by name.</summary>
    public IReadOnlyDictionary<string, string> Secrets { get; init; } = new Dictionary<string, string>();

    /// <summary>Further files of the tree.</summary>
    public IReadOnlyDictionary<string, string> Tree { get; init; } = new Dictionary<string, string>();

    /// <summary>Runs on real containers too: images are replaced by the machine's own file system.</summary>
    public bool Real { get; init; }

    /// <summary>Runs on real containers only, because it depends on what a command does.</summary>
    public bool OnlyReal { get; init; }

    /// <summary>Steps that are held until all of them have begun, each group apart: <c>build test</c>. They must run at the same time, or the run does not end.</summary>
    public IReadOnlyList<string> Meet { get; init; } = [];

    /// <summary>Steps that are held until another step or service has ended.</summary>
    public IReadOnlyDictionary<string, string> Held { get; init; } = new Dictionary<string, string>();

    /// <summary>When the run is cancelled: the step that has then started; null: it is not.</summary>
    public string? CancelledAt { get; init; }

    /// <summary>What else must hold.</summary>
    public IReadOnlyList<Check> Checks { get; init; } = [];

    /// <summary>The files with their paths.</summary>
    public IEnumerable<(string Path, string Content)> Sources()
    {
        if (!Files.StartsWith("=== ", StringComparison.Ordinal))
        {
            return [(".woodpecker.yaml", Files)];
        }

        return Files["=== ".Length..].Split("\n=== ").Select(file => file.Split('\n', 2)).Select(file => (file[0].Trim(), file[1]));
    }

    /// <inheritdoc/>
    public override string ToString() => Title;
}

/// <summary>Something that must hold after a scenario was run.</summary>
/// <param name="Holds">Throws if it does not.</param>
internal sealed record Check(Action<ScenarioRun> Holds);

/// <summary>Events of scenarios.</summary>
internal static class On
{
    // First, because the others are made with it.
    private static CommitFacts Commit { get; } = new() { Message = "Initial commit", Author = "john-doe", AuthorEmail = "john-doe@example.com", Timestamp = 1722617519 };

    public static RunEvent Push { get; } = Of("push", "refs/heads/main");

    public static RunEvent Tag { get; } = Of("tag", "refs/tags/v1.10.3");

    public static RunEvent Pull { get; } = Of("pull_request", "refs/pull/7/head", new RunFacts
    {
        Commit = Commit with { SourceBranch = "topic", TargetBranch = "main", Refspec = "topic:main", PullRequest = 7, PullRequestLabels = ["deploy", "fast"], PullRequestMilestone = "summer", PullRequestDraft = true },
    });

    public static RunEvent Cron { get; } = Of("cron", "refs/heads/main") with { Cron = "sync_locales" };

    public static RunEvent Manual { get; } = Of("manual", "refs/heads/main");

    public static RunEvent Deployment { get; } = Of("deployment", "refs/heads/main", new RunFacts { Commit = Commit, Pipeline = new PipelineFacts { DeployTarget = "production", DeployTask = "migration" } });

    public static RunEvent Release { get; } = Of("release", "refs/tags/v1.10.3", new RunFacts { Commit = Commit, Pipeline = new PipelineFacts { ReleaseTitle = "v1.10.3", ReleasePre = true } });

    public static RunEvent Webhook { get; } = Of("webhook", "refs/heads/main");

    /// <summary>The event with other changed files.</summary>
    public static RunEvent Changing(this RunEvent runEvent, params string[] files) => runEvent with { ChangedFiles = files };

    /// <summary>The event on another branch.</summary>
    public static RunEvent Branch(this RunEvent runEvent, string branch) =>
        (runEvent with { Branch = branch, Ref = $"refs/heads/{branch}" }).Knowing("CI_COMMIT_BRANCH", branch);

    /// <summary>The event with another variable.</summary>
    public static RunEvent Knowing(this RunEvent runEvent, string name, string value) =>
        runEvent with { Variables = new Dictionary<string, string>(runEvent.Variables) { [name] = value } };

    /// <summary>The event with an input.</summary>
    public static RunEvent Given(this RunEvent runEvent, string name, string value) =>
        runEvent with { Inputs = new Dictionary<string, string>(runEvent.Inputs) { [name] = value } };

    private static RunEvent Of(string kind, string reference, RunFacts? facts = null)
    {
        var runEvent = new RunEvent { Kind = kind, Branch = "main", Ref = reference, Commit = "0123456789abcdef0123456789abcdef01234567", Repository = "octocat/hello-world", ChangedFiles = [] };
        var known = (facts ?? new RunFacts { Commit = Commit }) with
        {
            Repository = new RepositoryFacts { Url = "https://git.example.com/octocat/hello-world", CloneUrl = "https://git.example.com/octocat/hello-world.git", RemoteId = "82", Private = true },
            System = new SystemFacts { Host = "ci.example.com", Platform = "linux/amd64", Url = "https://ci.example.com" },
        };
        return runEvent with { Variables = CiVariables.ForRun(runEvent, known) };
    }
}
