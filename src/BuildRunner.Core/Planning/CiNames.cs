namespace BuildRunner.Core.Planning;

/// <summary>The names of the variables that <see cref="CiVariables"/> and whoever starts a step make. A test keeps them in step with what is made.</summary>
internal static class CiNames
{
    private static readonly string[] Commit =
        ["SHA", "REF", "REFSPEC", "BRANCH", "MESSAGE", "TIMESTAMP", "AUTHOR", "AUTHOR_EMAIL", "AUTHOR_AVATAR", "SOURCE_BRANCH", "TARGET_BRANCH"];

    private static readonly string[] Pipeline =
        ["NUMBER", "PARENT", "EVENT", "EVENT_REASON", "URL", "FORGE_URL", "DEPLOY_TARGET", "DEPLOY_TASK", "CREATED", "STARTED", "AUTHOR", "AVATAR"];

    /// <summary>Known before a run, for substitution and conditions; for some events some are empty.</summary>
    public static readonly IReadOnlySet<string> BeforeRun = new HashSet<string>(StringComparer.Ordinal)
    {
        "CI", "CI_SYSTEM_NAME", "CI_SYSTEM_URL", "CI_SYSTEM_HOST", "CI_SYSTEM_PLATFORM", "CI_SYSTEM_VERSION", "CI_FORGE_TYPE", "CI_FORGE_URL",
        "CI_REPO", "CI_REPO_OWNER", "CI_REPO_NAME", "CI_REPO_REMOTE_ID", "CI_REPO_URL", "CI_REPO_CLONE_URL", "CI_REPO_CLONE_SSH_URL", "CI_REPO_DEFAULT_BRANCH",
        "CI_REPO_PRIVATE", "CI_REPO_TRUSTED_NETWORK", "CI_REPO_TRUSTED_VOLUMES", "CI_REPO_TRUSTED_SECURITY",
        "CI_COMMIT_TAG", "CI_COMMIT_PULL_REQUEST", "CI_COMMIT_PULL_REQUEST_LABELS", "CI_COMMIT_PULL_REQUEST_MILESTONE", "CI_COMMIT_PULL_REQUEST_DRAFT", "CI_COMMIT_PRERELEASE",
        "CI_PIPELINE_FILES", "CI_PIPELINE_RELEASE_TITLE", "CI_PIPELINE_RELEASE_PRE", "CI_PIPELINE_RERUNS", "CI_WORKFLOW_NAME", "CI_WORKFLOW_NUMBER",
        "CI_PREV_COMMIT_URL", "CI_PREV_PIPELINE_STATUS", "CI_PREV_PIPELINE_FINISHED",
    }.Concat(Commit.SelectMany(name => new[] { "CI_COMMIT_" + name, "CI_PREV_COMMIT_" + name }))
     .Concat(Pipeline.SelectMany(name => new[] { "CI_PIPELINE_" + name, "CI_PREV_PIPELINE_" + name })).ToHashSet(StringComparer.Ordinal);

    /// <summary>Known only when a step starts.</summary>
    public static readonly IReadOnlySet<string> AtStart = new HashSet<string>(StringComparer.Ordinal)
    {
        "CI_STEP_NAME", "CI_STEP_TYPE", "CI_STEP_NUMBER", "CI_STEP_STARTED", "CI_STEP_ATTEMPT", "CI_STEP_URL", "CI_PIPELINE_STATUS", "CI_WORKSPACE", "CI_SCRIPT", "CI_OUTPUT",
        "CI_NETRC_USERNAME", "CI_NETRC_PASSWORD", "CI_NETRC_MACHINE",
    };

    /// <summary>Names that Woodpecker once had and has no more, with the current ones: for hints.</summary>
    public static readonly IReadOnlyDictionary<string, string> Gone = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["CI_REPO_LINK"] = "CI_REPO_URL",
        ["CI_REPO_REMOTE"] = "CI_REPO_CLONE_URL",
        ["CI_REPO_REMOTE_URL"] = "CI_REPO_CLONE_URL",
        ["CI_REPO_TRUSTED"] = "CI_REPO_TRUSTED_SECURITY",
        ["CI_COMMIT_LINK"] = "CI_PIPELINE_FORGE_URL",
        ["CI_COMMIT_URL"] = "CI_PIPELINE_FORGE_URL",
        ["CI_BUILD_NUMBER"] = "CI_PIPELINE_NUMBER",
        ["CI_BUILD_EVENT"] = "CI_PIPELINE_EVENT",
        ["CI_BUILD_LINK"] = "CI_PIPELINE_URL",
        ["CI_BUILD_DEPLOY_TARGET"] = "CI_PIPELINE_DEPLOY_TARGET",
        ["CI_PIPELINE_LINK"] = "CI_PIPELINE_URL",
        ["CI_SYSTEM_LINK"] = "CI_SYSTEM_URL",
        ["CI_SYSTEM_ARCH"] = "CI_SYSTEM_PLATFORM",
        ["DRONE_TAG"] = "CI_COMMIT_TAG",
        ["DRONE_BRANCH"] = "CI_COMMIT_BRANCH",
        ["DRONE_COMMIT"] = "CI_COMMIT_SHA",
        ["DRONE_COMMIT_SHA"] = "CI_COMMIT_SHA",
        ["DRONE_COMMIT_BRANCH"] = "CI_COMMIT_BRANCH",
        ["DRONE_BUILD_NUMBER"] = "CI_PIPELINE_NUMBER",
        ["DRONE_REPO"] = "CI_REPO",
        ["DRONE_REPO_NAME"] = "CI_REPO_NAME",
    };

    /// <summary>Old names, with the current ones.</summary>
    public static readonly IReadOnlyDictionary<string, string> Old = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["CI_COMMIT_PRERELEASE"] = "CI_PIPELINE_RELEASE_PRE",
        ["CI_COMMIT_AUTHOR_AVATAR"] = "CI_PIPELINE_AVATAR",
        ["CI_PREV_COMMIT_AUTHOR_AVATAR"] = "CI_PREV_PIPELINE_AVATAR",
    };
}
