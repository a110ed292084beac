using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace BuildRunner.Core.Planning;

/// <summary>
/// The <c>CI_*</c> variables that Woodpecker documents, from facts. Empty ones are left out, as there.
/// Not made here, because only whoever starts a step knows them: <c>CI_STEP_STARTED</c>, <c>CI_PIPELINE_STATUS</c>, <c>CI_SCRIPT</c>, <c>CI_NETRC_*</c>.
/// </summary>
public static class CiVariables
{
    private const int MaxChangedFiles = 500;

    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What all steps of a run see, and what can be substituted and used in conditions.</summary>
    public static IReadOnlyDictionary<string, string> ForRun(RunEvent runEvent, RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(runEvent);
        ArgumentNullException.ThrowIfNull(facts);
        var variables = new VariableSet();
        AddSystem(variables, facts.System);
        AddRepository(variables, runEvent, facts.Repository);
        AddCommit(variables, "CI_COMMIT_", runEvent, facts.Commit);
        AddPipeline(variables, "CI_PIPELINE_", runEvent, facts.Pipeline);
        AddPullRequest(variables, runEvent, facts.Commit);
        AddFiles(variables, runEvent);
        variables.Add("CI_COMMIT_AUTHOR_AVATAR", facts.Pipeline.Avatar);
        if (runEvent.Kind == "release")
        {
            variables.Add("CI_PIPELINE_RELEASE_TITLE", facts.Pipeline.ReleaseTitle);
            variables.Add("CI_PIPELINE_RELEASE_PRE", facts.Pipeline.ReleasePre);
            variables.Add("CI_COMMIT_PRERELEASE", facts.Pipeline.ReleasePre);
        }
        if (facts.Previous is { } previous)
            AddPrevious(variables, previous);
        return variables.ToDictionary();
    }

    /// <summary>What the steps of a workflow see in addition.</summary>
    /// <param name="name">The workflow's name, without a cell's number.</param>
    /// <param name="number">Its place in the run, from 1.</param>
    public static IReadOnlyDictionary<string, string> ForWorkflow(string name, int number)
    {
        var variables = new VariableSet();
        variables.Add("CI_WORKFLOW_NAME", name);
        variables.Add("CI_WORKFLOW_NUMBER", number);
        return variables.ToDictionary();
    }

    /// <summary>What a step sees in addition.</summary>
    /// <param name="name">The step's name.</param>
    /// <param name="number">Its place in the workflow, from 0.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="workspace">The working tree.</param>
    /// <param name="runUrl">The run's page; null: there is none.</param>
    public static IReadOnlyDictionary<string, string> ForStep(string name, int number, StepKind kind, string workspace, string? runUrl = null)
    {
        var variables = new VariableSet();
        variables.Add("CI_STEP_NAME", name);
        variables.Add("CI_STEP_NUMBER", number);
        variables.Add("CI_STEP_TYPE", kind switch
        {
            StepKind.Plugin => "plugin",
            StepKind.Clone => "clone",
            StepKind.Service => "service",
            _ => "commands",
        });
        variables.Add("CI_WORKSPACE", workspace);
        if (!string.IsNullOrEmpty(runUrl))
            variables.Add("CI_STEP_URL", string.Create(CultureInfo.InvariantCulture, $"{runUrl}/{number}"));
        return variables.ToDictionary();
    }

    private static void AddSystem(VariableSet variables, SystemFacts system)
    {
        variables.Add("CI", system.Name);
        variables.Add("CI_SYSTEM_NAME", system.Name);
        variables.Add("CI_SYSTEM_URL", system.Url);
        variables.Add("CI_SYSTEM_HOST", system.Host);
        variables.Add("CI_SYSTEM_PLATFORM", system.Platform);
        variables.Add("CI_SYSTEM_VERSION", system.Version);
        variables.Add("CI_FORGE_TYPE", system.ForgeType);
        variables.Add("CI_FORGE_URL", system.ForgeUrl);
    }

    private static void AddRepository(VariableSet variables, RunEvent runEvent, RepositoryFacts repository)
    {
        var slash = runEvent.Repository.LastIndexOf('/');
        variables.Add("CI_REPO", runEvent.Repository);
        variables.Add("CI_REPO_OWNER", slash < 0 ? "" : runEvent.Repository[..slash]);
        variables.Add("CI_REPO_NAME", runEvent.Repository[(slash + 1)..]);
        variables.Add("CI_REPO_REMOTE_ID", repository.RemoteId);
        variables.Add("CI_REPO_URL", repository.Url);
        variables.Add("CI_REPO_CLONE_URL", repository.CloneUrl);
        variables.Add("CI_REPO_CLONE_SSH_URL", repository.CloneSshUrl);
        variables.Add("CI_REPO_DEFAULT_BRANCH", runEvent.DefaultBranch);
        if (repository.Private is { } isPrivate)
            variables.Add("CI_REPO_PRIVATE", isPrivate);
        variables.Add("CI_REPO_TRUSTED_NETWORK", repository.TrustedNetwork);
        variables.Add("CI_REPO_TRUSTED_VOLUMES", repository.TrustedVolumes);
        variables.Add("CI_REPO_TRUSTED_SECURITY", repository.TrustedSecurity);
    }

    private static void AddCommit(VariableSet variables, string prefix, RunEvent runEvent, CommitFacts commit)
    {
        variables.Add(prefix + "SHA", runEvent.Commit);
        variables.Add(prefix + "REF", runEvent.Ref);
        variables.Add(prefix + "REFSPEC", commit.Refspec);
        variables.Add(prefix + "BRANCH", runEvent.Branch);
        variables.Add(prefix + "MESSAGE", commit.Message);
        variables.Add(prefix + "TIMESTAMP", commit.Timestamp);
        variables.Add(prefix + "AUTHOR", commit.Author);
        variables.Add(prefix + "AUTHOR_EMAIL", commit.AuthorEmail);
        if (!Events.IsPullRequest(runEvent.Kind))
            return;
        var branches = commit.Refspec?.Split(':') is { Length: 2 } pair ? pair : null;
        variables.Add(prefix + "SOURCE_BRANCH", commit.SourceBranch ?? branches?[0]);
        variables.Add(prefix + "TARGET_BRANCH", commit.TargetBranch ?? branches?[1] ?? runEvent.Branch);
    }

    private static void AddPullRequest(VariableSet variables, RunEvent runEvent, CommitFacts commit)
    {
        const string tags = "refs/tags/";
        if (runEvent.Ref.StartsWith(tags, StringComparison.Ordinal))
            variables.Add("CI_COMMIT_TAG", runEvent.Ref[tags.Length..]);
        if (!Events.IsPullRequest(runEvent.Kind))
            return;
        variables.Add("CI_COMMIT_PULL_REQUEST", commit.PullRequest ?? Events.PullRequestNumber(runEvent.Ref));
        variables.Add("CI_COMMIT_PULL_REQUEST_LABELS", string.Join(',', commit.PullRequestLabels));
        variables.Add("CI_COMMIT_PULL_REQUEST_MILESTONE", commit.PullRequestMilestone);
        variables.Add("CI_COMMIT_PULL_REQUEST_DRAFT", commit.PullRequestDraft);
    }

    private static void AddPipeline(VariableSet variables, string prefix, RunEvent runEvent, PipelineFacts pipeline)
    {
        variables.Add(prefix + "NUMBER", pipeline.Number);
        variables.Add(prefix + "PARENT", pipeline.Parent);
        variables.Add(prefix + "EVENT", runEvent.Kind);
        variables.Add(prefix + "EVENT_REASON", pipeline.EventReason);
        variables.Add(prefix + "URL", pipeline.Url);
        variables.Add(prefix + "FORGE_URL", pipeline.ForgeUrl);
        variables.Add(prefix + "DEPLOY_TARGET", pipeline.DeployTarget);
        variables.Add(prefix + "DEPLOY_TASK", pipeline.DeployTask);
        variables.Add(prefix + "CREATED", pipeline.Created);
        variables.Add(prefix + "STARTED", pipeline.Started);
        variables.Add(prefix + "AUTHOR", pipeline.Author);
        variables.Add(prefix + "AVATAR", pipeline.Avatar);
        if (pipeline.Reruns > 0)
            variables.Add(prefix + "RERUNS", pipeline.Reruns);
    }

    private static void AddPrevious(VariableSet variables, PreviousFacts previous)
    {
        AddCommit(variables, "CI_PREV_COMMIT_", previous.Event, previous.Commit);
        AddPipeline(variables, "CI_PREV_PIPELINE_", previous.Event, previous.Pipeline with { Reruns = 0 });
        variables.Add("CI_PREV_COMMIT_AUTHOR_AVATAR", previous.Pipeline.Avatar);
        variables.Add("CI_PREV_COMMIT_URL", previous.Pipeline.ForgeUrl);
        variables.Add("CI_PREV_PIPELINE_STATUS", previous.Status);
        variables.Add("CI_PREV_PIPELINE_FINISHED", previous.Finished);
    }

    // JSON, because a file's name can hold every separator; left out if there are too many (Woodpecker: 500), or more than a variable can hold.
    private static void AddFiles(VariableSet variables, RunEvent runEvent)
    {
        var files = runEvent.ChangedFiles ?? [];
        if (files.Count > MaxChangedFiles)
            return;
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Json))
        {
            writer.WriteStartArray();
            foreach (var file in files)
                writer.WriteStringValue(file);
            writer.WriteEndArray();
        }
        // Half of a list would be no JSON.
        if (buffer.Length <= EnvironmentLimit.Kept)
            variables.Add("CI_PIPELINE_FILES", System.Text.Encoding.UTF8.GetString(buffer.ToArray()));
    }
}

/// <summary>Gathers variables; passes over empty ones.</summary>
internal sealed class VariableSet
{
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    /// <summary>Adds a text.</summary>
    public void Add(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            values[name] = value;
    }

    /// <summary>Adds a number.</summary>
    public void Add(string name, long? value) => Add(name, value?.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a boolean.</summary>
    public void Add(string name, bool value) => Add(name, value ? "true" : "false");

    /// <summary>Everything that was added.</summary>
    public Dictionary<string, string> ToDictionary() => values;
}
