using Octokit;

namespace BuildRunner.Server.Forge;

/// <summary>How bad a finding is.</summary>
internal enum FindingLevel
{
    /// <summary>As it should be.</summary>
    Fine,

    /// <summary>Something will be missing.</summary>
    Warning,

    /// <summary>It does not work.</summary>
    Broken,
}

/// <summary>Something that was looked at, and what to do about it.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="Level">How bad.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">What to do; null: nothing.</param>
internal sealed record Finding(string Name, FindingLevel Level, string Detail, string? Remedy = null);

/// <summary>Looks at the GitHub side as an administrator set it up: the app, what it may do and hears of, where it is installed, and whether its webhooks arrive. Changes nothing.</summary>
internal sealed class GitHubHealth(GitHubOptions options, Uri? publicUrl, bool hasWebhookSecret, TimeProvider time) : IDisposable
{
    private const string Accept = "application/vnd.github+json";
    private const string App = "GitHub app";
    private const string Webhooks = "GitHub webhooks";

    // What checks, files, pull requests and people are read and written by; and the events that start runs.
    private static readonly (string Name, string Level)[] Permissions = [("checks", "write"), ("contents", "read"), ("pull_requests", "read"), ("metadata", "read")];
    internal static readonly string[] Events = ["push", "pull_request", "check_run", "check_suite", "merge_group", "release", "deployment", "issue_comment", "repository"];
    private readonly GitHubConnections connections = new(options);

    /// <summary>Everything there is to say; nothing if GitHub is not used.</summary>
    public async Task<IReadOnlyList<Finding>> LookAsync(CancellationToken cancellationToken)
    {
        if (options.Problems() is { Count: > 0 } problems)
        {
            return [new Finding(App, FindingLevel.Broken, string.Join("; ", problems))];
        }

        if (options.AppId is null)
        {
            return options.Token is null ? [] : [await TokenAsync(cancellationToken), Secret()];
        }

        var findings = new List<Finding>();
        try
        {
            var connection = connections.AsApp(AppJwt.Create(options.AppId.Value, options.PrivateKey!, time.GetUtcNow()));
            findings.AddRange(OfApp(await AskAsync<AppReply>(connection, "app", cancellationToken)));
            var installations = await AskAsync<List<InstallationReply>>(connection, "app/installations?per_page=100", cancellationToken);
            findings.Add(installations.Count > 0
                ? new Finding("GitHub installs", FindingLevel.Fine, $"installed at {installations.Count} {(installations.Count == 1 ? "account" : "accounts")}")
                : new Finding("GitHub installs", FindingLevel.Warning, "the app is installed nowhere", "install it at the app's page, for the repositories that are to run here"));
            findings.Add(Secret());
            findings.Add(await DeliveriesAsync(connection, cancellationToken));
        }
        catch (Exception e) when (GitHubFaults.IsFault(e) && !cancellationToken.IsCancellationRequested)
        {
            var fault = GitHubFaults.Translate(e, "GitHub", time.GetUtcNow());
            findings.Add(new Finding(App, FindingLevel.Broken, fault.Message, fault.Fault switch
            {
                ForgeFault.Unauthorized => "GitHub:AppId and GitHub:PrivateKey do not belong together, or this machine's clock is wrong",
                ForgeFault.Unavailable => "see that this machine reaches GitHub:ApiUrl",
                _ => null,
            }));
        }

        return findings;
    }

    /// <summary>Lets go of the connections.</summary>
    public void Dispose() => connections.Dispose();

    private static IEnumerable<Finding> OfApp(AppReply app)
    {
        yield return new Finding(App, FindingLevel.Fine, $"'{app.Name}' ({app.Slug})");
        var lacking = Permissions.Where(p => !Covers(app.Permissions?.GetValueOrDefault(p.Name), p.Level)).Select(p => $"{p.Name}: {p.Level}").ToList();
        yield return lacking.Count == 0
            ? new Finding("GitHub rights", FindingLevel.Fine, string.Join(", ", Permissions.Select(p => $"{p.Name}: {p.Level}")))
            : new Finding("GitHub rights", FindingLevel.Warning, $"the app lacks {string.Join(", ", lacking)}", "add them at the app's settings page under Permissions, then accept them at each installation");
        var unheard = Events.Except(app.Events ?? []).ToList();
        yield return unheard.Count == 0
            ? new Finding("GitHub events", FindingLevel.Fine, "the app hears of everything that starts runs")
            : new Finding("GitHub events", FindingLevel.Warning, $"the app does not hear of {string.Join(", ", unheard)}", "subscribe to them at the app's settings page under Permissions & events");
    }

    private static bool Covers(string? has, string needed) => has == needed || has is "write" or "admin";

    private Finding Secret() => !hasWebhookSecret
        ? new Finding(Webhooks, FindingLevel.Warning, "GitHub:WebhookSecret is not set: nothing is taken from GitHub, heads are looked for instead", "set the same secret here and at the app's settings page")
        : publicUrl is null
            ? new Finding(Webhooks, FindingLevel.Warning, "Server:PublicUrl is not set: GitHub cannot be told where this server is", "set it, and PUBLIC-URL/hooks/github at the app's settings page")
            : new Finding(Webhooks, FindingLevel.Fine, $"arrive at {AppManifest.HookOf(publicUrl)}");

    private async Task<Finding> DeliveriesAsync(ApiConnection connection, CancellationToken stop)
    {
        const string name = "GitHub delivery";
        List<DeliveryReply> latest;
        try
        {
            latest = await AskAsync<List<DeliveryReply>>(connection, "app/hook/deliveries?per_page=50", stop);
        }
        catch (NotFoundException)
        {
            // GitHub Enterprise before 3.2, or an app without a webhook.
            return new Finding(name, FindingLevel.Warning, "GitHub tells nothing of its deliveries", "see that the app has an active webhook");
        }

        if (latest.Count == 0)
        {
            return new Finding(name, FindingLevel.Warning, "GitHub has delivered nothing yet", "push something, or press Redeliver at the app's page under Advanced");
        }

        var failed = latest.Count(d => d.StatusCode is < 200 or >= 300);
        var last = latest.MaxBy(d => d.DeliveredAt)!;
        var when = $"the last one {(int)Math.Max(0, (time.GetUtcNow() - last.DeliveredAt).TotalMinutes)} min ago was answered {last.StatusCode} {last.Status}";
        return failed == 0
            ? new Finding(name, FindingLevel.Fine, when)
            : new Finding(name, FindingLevel.Warning, $"{failed} of the last {latest.Count} were not taken; {when}", Remedy(last));
    }

    private static string? Remedy(DeliveryReply last) => last.StatusCode switch
    {
        401 => "the secret at the app's settings page is not GitHub:WebhookSecret",
        404 => "the webhook's address at the app's settings page has to be PUBLIC-URL/hooks/github",
        >= 200 and < 300 => null,
        _ => "see that GitHub reaches the webhook's address",
    };

    private async Task<Finding> TokenAsync(CancellationToken stop)
    {
        try
        {
            var user = await AskAsync<PersonReply>(connections.WithToken(options.Token!), "user", stop);
            return new Finding("GitHub token", FindingLevel.Fine, $"of {user.Login}; commit statuses are set, because only apps make checks");
        }
        catch (Exception e) when (GitHubFaults.IsFault(e) && !stop.IsCancellationRequested)
        {
            return new Finding("GitHub token", FindingLevel.Broken, GitHubFaults.Translate(e, "GitHub", time.GetUtcNow()).Message, "make a new one and set GitHub:Token");
        }
    }

    private static Task<T> AskAsync<T>(ApiConnection connection, string path, CancellationToken stop) => connection.Get<T>(new Uri(path, UriKind.Relative), null, Accept).WaitAsync(stop);
}

/// <summary>What is read of an app.</summary>
public sealed class AppReply
{
    /// <summary>Its name.</summary>
    public string? Name { get; set; }

    /// <summary>Its name in addresses.</summary>
    public string? Slug { get; set; }

    /// <summary>What it may do, by area.</summary>
    public Dictionary<string, string>? Permissions { get; set; }

    /// <summary>What it hears of.</summary>
    public IReadOnlyList<string>? Events { get; set; }
}

/// <summary>What is read of a webhook's delivery.</summary>
public sealed class DeliveryReply
{
    /// <summary>GitHub's number of this attempt.</summary>
    public long Id { get; set; }

    /// <summary>The delivery's id, the same in every attempt; what the header says.</summary>
    public string? Guid { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset DeliveredAt { get; set; }

    /// <summary>True: it was asked for anew.</summary>
    public bool Redelivery { get; set; }

    /// <summary>How it was answered, in words.</summary>
    public string? Status { get; set; }

    /// <summary>How it was answered; 0: not at all.</summary>
    public int StatusCode { get; set; }
}
