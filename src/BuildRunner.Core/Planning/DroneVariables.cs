namespace BuildRunner.Core.Planning;

/// <summary>The <c>DRONE_*</c> names of <c>CI_*</c> variables, which older plugin images read.</summary>
public static class DroneVariables
{
    private static readonly (string Ci, string Drone)[] Names =
    [
        ("CI_COMMIT_BRANCH", "DRONE_BRANCH"),
        ("CI_COMMIT_PULL_REQUEST", "DRONE_PULL_REQUEST"),
        ("CI_COMMIT_PULL_REQUEST", "PULLREQUEST_DRONE_PULL_REQUEST"),
        ("CI_COMMIT_TAG", "DRONE_TAG"),
        ("CI_COMMIT_SOURCE_BRANCH", "DRONE_SOURCE_BRANCH"),
        ("CI_COMMIT_TARGET_BRANCH", "DRONE_TARGET_BRANCH"),
        ("CI_PIPELINE_NUMBER", "DRONE_BUILD_NUMBER"),
        ("CI_PIPELINE_PARENT", "DRONE_BUILD_PARENT"),
        ("CI_PIPELINE_EVENT", "DRONE_BUILD_EVENT"),
        ("CI_PIPELINE_URL", "DRONE_BUILD_LINK"),
        ("CI_PIPELINE_CREATED", "DRONE_BUILD_CREATED"),
        ("CI_PIPELINE_STARTED", "DRONE_BUILD_STARTED"),
        ("CI_COMMIT_SHA", "DRONE_COMMIT"),
        ("CI_COMMIT_SHA", "DRONE_COMMIT_SHA"),
        ("CI_PREV_COMMIT_SHA", "DRONE_COMMIT_BEFORE"),
        ("CI_COMMIT_REF", "DRONE_COMMIT_REF"),
        ("CI_COMMIT_BRANCH", "DRONE_COMMIT_BRANCH"),
        ("CI_PIPELINE_FORGE_URL", "DRONE_COMMIT_LINK"),
        ("CI_COMMIT_MESSAGE", "DRONE_COMMIT_MESSAGE"),
        ("CI_COMMIT_AUTHOR", "DRONE_COMMIT_AUTHOR"),
        ("CI_COMMIT_AUTHOR", "DRONE_COMMIT_AUTHOR_NAME"),
        ("CI_COMMIT_AUTHOR_EMAIL", "DRONE_COMMIT_AUTHOR_EMAIL"),
        ("CI_PIPELINE_AVATAR", "DRONE_COMMIT_AUTHOR_AVATAR"),
        ("CI_REPO", "DRONE_REPO"),
        ("CI_REPO_OWNER", "DRONE_REPO_OWNER"),
        ("CI_REPO_NAME", "DRONE_REPO_NAME"),
        ("CI_REPO_URL", "DRONE_REPO_LINK"),
        ("CI_REPO_DEFAULT_BRANCH", "DRONE_REPO_BRANCH"),
        ("CI_REPO_PRIVATE", "DRONE_REPO_PRIVATE"),
        ("CI_REPO_CLONE_URL", "DRONE_REMOTE_URL"),
        ("CI_REPO_CLONE_URL", "DRONE_GIT_HTTP_URL"),
        ("CI_SYSTEM_HOST", "DRONE_SYSTEM_HOST"),
        ("CI_STEP_NUMBER", "DRONE_STEP_NUMBER"),
    ];

    /// <summary>The aliases of some variables.</summary>
    /// <param name="variables">The <c>CI_*</c> variables.</param>
    public static IReadOnlyDictionary<string, string> For(IReadOnlyDictionary<string, string> variables)
    {
        ArgumentNullException.ThrowIfNull(variables);
        var aliases = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DRONE_BUILD_STATUS"] = "success",
            ["DRONE_REPO_SCM"] = "git",
            // Some plugins read this one as a number and fail on an empty text.
            ["PULLREQUEST_DRONE_PULL_REQUEST"] = "0",
        };
        foreach (var (ci, drone) in Names)
        {
            if (variables.TryGetValue(ci, out var value))
                aliases[drone] = value;
        }
        return aliases;
    }
}
