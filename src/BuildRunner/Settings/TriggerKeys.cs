namespace BuildRunner.Settings;

/// <summary>The settings of what starts runs, and of who is told about them (ux.md B.5).</summary>
internal static class TriggerKeys
{
    public const string
        GitHubAppId = "GitHub:AppId",
        GitHubPrivateKey = "GitHub:PrivateKey",
        GitHubToken = "GitHub:Token",
        GitHubWebhookSecret = "GitHub:WebhookSecret",
        GitHubApiUrl = "GitHub:ApiUrl",
        GitHubWebUrl = "GitHub:WebUrl",
        GitHubCheckName = "GitHub:CheckName",
        GitHubLookEvery = "GitHub:LookEvery",
        WebhooksMaxBody = "Webhooks:MaxBody",
        WebhooksReplayWindow = "Webhooks:ReplayWindow",
        WebhooksRetention = "Webhooks:Retention",
        SchedulesEnabled = "Schedules:Enabled",
        SchedulesMinInterval = "Schedules:MinInterval",
        SchedulesMisfire = "Schedules:Misfire",
        NotifyWebhooks = "Notify:Webhooks",
        NotifySecret = "Notify:Secret";

    public static IReadOnlyList<SettingKey> All { get; } =
    [
        new(GitHubAppId, SettingKind.Number, null, "The number of the GitHub App by which BuildRunner speaks to GitHub."),
        new(GitHubPrivateKey, SettingKind.Text, null, "The app's private key, as PEM.") { Secret = true },
        new(GitHubToken, SettingKind.Text, null, "A personal token in place of an app; commit statuses are set then, because only apps can make checks.") { Secret = true },
        new(GitHubWebhookSecret, SettingKind.List, null, "The secret that GitHub signs webhooks with; during a rotation the new one and the one before. Without one there is no endpoint for GitHub.") { Secret = true },
        new(GitHubApiUrl, SettingKind.Text, "https://api.github.com/", "The address of GitHub's API; of GitHub Enterprise Server its host is enough."),
        new(GitHubWebUrl, SettingKind.Text, null, "The address of GitHub's pages and repositories; the one that belongs to the API's address if not set."),
        new(GitHubCheckName, SettingKind.Text, "buildrunner", "What the names of checks begin with."),
        new(GitHubLookEvery, SettingKind.Duration, "5m", "How often branches, tags and pull requests are looked at for events that no webhook told of; 0s: never."),
        new(WebhooksMaxBody, SettingKind.Size, "25MiB", "Largest delivery that is taken."),
        new(WebhooksReplayWindow, SettingKind.Duration, "10m", "How far a delivery's signed time may be from the server's, to both sides."),
        new(WebhooksRetention, SettingKind.Duration, "30d", "How long deliveries are listed."),
        new(SchedulesEnabled, SettingKind.Flag, "true", "Whether schedules start runs."),
        new(SchedulesMinInterval, SettingKind.Duration, "1m", "Shortest time between two occurrences of one schedule."),
        new(SchedulesMisfire, SettingKind.Text, "once", "What happens to occurrences that were missed, where the schedule does not say.") { Choices = ["once", "skip", "all"] },
        new(NotifyWebhooks, SettingKind.List, null, "Addresses that are told about runs: run.started, run.finished, run.blocked."),
        new(NotifySecret, SettingKind.Text, null, "Signs what is sent there, in the scheme of Standard Webhooks.") { Secret = true },
    ];
}
