using BuildRunner.Server.Forge;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Webhooks;
using BuildRunner.Settings;

namespace BuildRunner.Hosting;

/// <summary>What the settings make of triggers: GitHub, webhooks, schedules, and who is told.</summary>
internal static class TriggerPlan
{
    /// <summary>How GitHub is spoken to.</summary>
    public static GitHubOptions GitHub(EffectiveSettings settings, List<string> problems)
    {
        Uri? web = null;
        if (settings.Text(TriggerKeys.GitHubWebUrl) is { } text && (!Uri.TryCreate(text, UriKind.Absolute, out web) || web.Scheme is not ("http" or "https")))
        {
            problems.Add($"{TriggerKeys.GitHubWebUrl}: '{text}' is no address such as https://github.example.com");
        }

        return new GitHubOptions
        {
            ApiUrl = settings.Required(TriggerKeys.GitHubApiUrl),
            WebUrl = web,
            AppId = (long?)settings.Number(TriggerKeys.GitHubAppId),
            PrivateKey = settings.Text(TriggerKeys.GitHubPrivateKey),
            Token = settings.Text(TriggerKeys.GitHubToken),
            LookEvery = settings.Duration(TriggerKeys.GitHubLookEvery)!.Value,
            CheckName = settings.Required(TriggerKeys.GitHubCheckName),
        };
    }

    /// <summary>What holds for webhooks that arrive.</summary>
    public static WebhookOptions Webhooks(EffectiveSettings settings) => new()
    {
        MaxBody = (int)Math.Min(settings.Size(TriggerKeys.WebhooksMaxBody)!.Value, int.MaxValue),
        ReplayWindow = settings.Duration(TriggerKeys.WebhooksReplayWindow)!.Value,
        Retention = settings.Duration(TriggerKeys.WebhooksRetention)!.Value,
        GitHubSecrets = settings.List(TriggerKeys.GitHubWebhookSecret),
    };

    /// <summary>What holds for schedules.</summary>
    public static ScheduleOptions Schedules(EffectiveSettings settings) => new()
    {
        Enabled = settings.Flag(TriggerKeys.SchedulesEnabled),
        MinInterval = settings.Duration(TriggerKeys.SchedulesMinInterval)!.Value,
        Misfire = settings.Text(TriggerKeys.SchedulesMisfire) switch { "skip" => MisfireRule.Skip, "all" => MisfireRule.All, _ => MisfireRule.Once },
    };

    /// <summary>Who is told about runs.</summary>
    public static NotifyOptions Notify(EffectiveSettings settings, List<string> problems)
    {
        var targets = new List<NotifyTarget>();
        var secret = settings.Text(TriggerKeys.NotifySecret);
        foreach (var text in settings.List(TriggerKeys.NotifyWebhooks))
        {
            if (secret is null)
            {
                problems.Add($"{TriggerKeys.NotifyWebhooks} names '{NotifyTarget.Shown(text)}'; {TriggerKeys.NotifySecret} has to say what signs what is sent there");
            }
            else if (Uri.TryCreate(text, UriKind.Absolute, out var url))
            {
                targets.Add(new NotifyTarget(url, secret));
            }
            else
            {
                problems.Add($"{TriggerKeys.NotifyWebhooks}: '{text}' is no address");
            }
        }

        return new NotifyOptions { Targets = targets };
    }
}
