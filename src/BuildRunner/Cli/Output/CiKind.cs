namespace BuildRunner.Cli.Output;

/// <summary>The CI whose log this process writes to, which can fold what is marked.</summary>
internal enum CiKind
{
    None,
    GitHub,
    GitLab,
}

/// <summary>Finds out which it is.</summary>
internal static class CiKinds
{
    /// <summary>By what these set in the environment of every job.</summary>
    public static CiKind Detect(IReadOnlyDictionary<string, string> environment) =>
        environment.GetValueOrDefault("GITHUB_ACTIONS") == "true" ? CiKind.GitHub
        : environment.GetValueOrDefault("GITLAB_CI") == "true" ? CiKind.GitLab
        : CiKind.None;
}
