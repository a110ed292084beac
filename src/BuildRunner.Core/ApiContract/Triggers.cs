namespace BuildRunner.Core.ApiContract;

/// <summary>A secret, without its value.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Level"><c>installation</c>, <c>organisation</c> or <c>repository</c>.</param>
/// <param name="Events">Events that get it; empty: all.</param>
/// <param name="Branches">Branches that get it, as patterns; empty: all.</param>
/// <param name="Images">Images whose plugin steps get it; empty: any step.</param>
/// <param name="UpdatedAt">When it was set.</param>
/// <param name="LastUsedAt">When a step got it last; null: never.</param>
public sealed record SecretInfo(
    string Name, string Level, IReadOnlyList<string> Events, IReadOnlyList<string> Branches, IReadOnlyList<string> Images, DateTimeOffset UpdatedAt, DateTimeOffset? LastUsedAt);

/// <summary>Sets a secret.</summary>
public sealed record SetSecret
{
    /// <summary>The value, 1 byte to 64 KiB; null: the value stays, and only the rules change.</summary>
    public string? Value { get; init; }

    /// <summary>As <see cref="SecretInfo"/>.</summary>
    public IReadOnlyList<string> Events { get; set; } = [];

    /// <summary>As <see cref="SecretInfo"/>.</summary>
    public IReadOnlyList<string> Branches { get; set; } = [];

    /// <summary>As <see cref="SecretInfo"/>.</summary>
    public IReadOnlyList<string> Images { get; set; } = [];
}

/// <summary>What a rotation did.</summary>
/// <param name="Resealed">How many values were sealed anew.</param>
public sealed record RotatedKeys(int Resealed);

/// <summary>Credentials for a registry, without the password.</summary>
public sealed record RegistryInfo(string Host, string Level, string User, DateTimeOffset UpdatedAt);

/// <summary>Sets credentials for a registry.</summary>
/// <param name="User">The user; <c>&lt;token&gt;</c> for an identity token.</param>
/// <param name="Password">The password or token.</param>
public sealed record SetRegistry(string User, string Password);

/// <summary>A schedule.</summary>
public sealed record ScheduleInfo
{
    /// <summary>What <c>when.cron</c> names.</summary>
    public required string Name { get; init; }

    /// <summary>Five fields, six with seconds first, or a word such as <c>@daily</c>.</summary>
    public required string Cron { get; init; }

    /// <summary>A name of the IANA database; <c>UTC</c>.</summary>
    public required string Zone { get; init; }

    /// <summary>Null: the repository's default branch.</summary>
    public string? Branch { get; init; }

    /// <summary>Values for <c>inputs</c>.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; set; } = new Dictionary<string, string>();

    /// <summary>False: paused.</summary>
    public required bool Enabled { get; init; }

    /// <summary>What happens to occurrences that were missed: <c>once</c>, <c>skip</c>, <c>all</c>.</summary>
    public required string Misfire { get; init; }

    /// <summary>What happens if it is due while its last run goes on: <c>allow</c>, <c>skip</c>, <c>cancel_previous</c>.</summary>
    public required string Overlap { get; init; }

    /// <summary>The next three occurrences; fewer if there are no more, none while it is paused.</summary>
    public required IReadOnlyList<DateTimeOffset> Next { get; init; }

    /// <summary>Its last occurrences, newest first, at most ten.</summary>
    public required IReadOnlyList<ScheduleFire> Last { get; init; }
}

/// <summary>An occurrence of a schedule.</summary>
/// <param name="Due">When it was due.</param>
/// <param name="Run">The run's number; null: none.</param>
/// <param name="Why">Why there is none, as a sentence; null if there is one.</param>
public sealed record ScheduleFire(DateTimeOffset Due, int? Run, string? Why);

/// <summary>Sets a schedule.</summary>
public sealed record SetSchedule
{
    /// <summary>As <see cref="ScheduleInfo.Cron"/>.</summary>
    public required string Cron { get; init; }

    /// <summary>As <see cref="ScheduleInfo.Zone"/>; null: UTC.</summary>
    public string? Zone { get; init; }

    /// <summary>As <see cref="ScheduleInfo.Branch"/>.</summary>
    public string? Branch { get; init; }

    /// <summary>As <see cref="ScheduleInfo.Inputs"/>.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; set; } = new Dictionary<string, string>();

    /// <summary>As <see cref="ScheduleInfo.Misfire"/>; null: the server's setting.</summary>
    public string? Misfire { get; init; }

    /// <summary>As <see cref="ScheduleInfo.Overlap"/>; null: <c>allow</c>.</summary>
    public string? Overlap { get; init; }
}

/// <summary>An endpoint for webhooks.</summary>
public sealed record HookInfo
{
    /// <summary>Unique in the installation; part of the address.</summary>
    public required string Name { get; init; }

    /// <summary>Where senders post to.</summary>
    public required string Url { get; init; }

    /// <summary>What it takes, and makes of it.</summary>
    public required HookSettings Settings { get; init; }

    /// <summary>False: everything is refused.</summary>
    public required bool Enabled { get; init; }

    /// <summary>Whether it has a secret; without one it cannot be enabled.</summary>
    public required bool HasSecret { get; init; }

    /// <summary>Null: none yet.</summary>
    public DateTimeOffset? LastDeliveryAt { get; init; }

    /// <summary>Deliveries that were refused; null: none.</summary>
    public RefusedInfo? Refused { get; init; }
}

/// <summary>Deliveries that were refused where they came, and of which nothing else is kept.</summary>
/// <param name="Source"><c>github</c> or <c>hook/NAME</c>.</param>
/// <param name="Count">How many, as far as that was counted.</param>
/// <param name="LastAt">When the last one came.</param>
/// <param name="Why">Why that one was refused, as a sentence.</param>
public sealed record RefusedInfo(string Source, long Count, DateTimeOffset LastAt, string Why);

/// <summary>What an endpoint takes, and makes of it.</summary>
public sealed record HookSettings
{
    /// <summary>How senders prove that they have the secret: <c>standard</c> (the Standard Webhooks scheme), <c>github</c> (<c>X-Hub-Signature-256</c>), <c>token</c> (weak: the secret itself
    /// is sent in <c>X-Webhook-Token</c>, and nothing protects against a replay).</summary>
    public string Scheme { get; set; } = "standard";

    /// <summary>The branch that runs; null: the repository's default branch.</summary>
    public string? Branch { get; init; }

    /// <summary>Which fields become which inputs.</summary>
    public IReadOnlyList<HookInput> Inputs { get; set; } = [];

    /// <summary>Conditions; all must hold.</summary>
    public IReadOnlyList<HookFilter> Filters { get; set; } = [];

    /// <summary>Deliveries a minute that are taken; beyond it senders get 429.</summary>
    public int PerMinute { get; set; } = 6_000;
}

/// <summary>A field that becomes an input.</summary>
/// <param name="Input">The input's name.</param>
/// <param name="From">A JSON Pointer: <c>/release/tag</c>.</param>
/// <param name="Type"><c>text</c>, <c>number</c>, <c>boolean</c> or <c>json</c>.</param>
/// <param name="Required">Without it there is no run.</param>
public sealed record HookInput(string Input, string From, string Type = "text", bool Required = false);

/// <summary>A condition on a delivery; exactly one of the last three is given.</summary>
/// <param name="At">A JSON Pointer.</param>
/// <param name="OneOf">The value is one of these.</param>
/// <param name="StartsWith">The value begins so.</param>
/// <param name="Present">Whether there is something.</param>
public sealed record HookFilter(string At, IReadOnlyList<string>? OneOf = null, string? StartsWith = null, bool? Present = null);

/// <summary>Sets an endpoint.</summary>
public sealed record SetHook
{
    /// <summary>As <see cref="HookInfo.Settings"/>.</summary>
    public HookSettings Settings { get; set; } = new();

    /// <summary>The secret, at least 24 characters; null: the one there is, or a new one.</summary>
    public string? Secret { get; init; }

    /// <summary>As <see cref="HookInfo.Enabled"/>.</summary>
    public bool Enabled { get; set; } = true;
}

/// <summary>An endpoint, and its secret if this call made one; it is shown this once.</summary>
public sealed record CreatedHook(HookInfo Hook, string? Secret);

/// <summary>A delivery of a webhook.</summary>
public sealed record DeliveryInfo
{
    /// <summary>32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary><c>github</c> or <c>hook/NAME</c>.</summary>
    public required string Source { get; init; }

    /// <summary>The sender's id.</summary>
    public required string Delivery { get; init; }

    /// <summary>The sender's name for the kind of event; empty if it has none.</summary>
    public required string Event { get; init; }

    /// <summary>When it came.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary><c>due</c>, <c>done</c>, <c>failed</c>.</summary>
    public required string State { get; init; }

    /// <summary>What became of it, as a sentence; empty while nothing has.</summary>
    public required string Verdict { get; init; }

    /// <summary>The run, as <c>owner/name#12</c>; null: none.</summary>
    public string? Run { get; init; }
}

/// <summary>What is sent to those who are told about runs (setting <c>Notify:Webhooks</c>), signed in the scheme of Standard Webhooks.</summary>
/// <param name="Type"><c>run.started</c>, <c>run.finished</c> or <c>run.blocked</c>.</param>
/// <param name="Timestamp">When it happened.</param>
/// <param name="Data">The run.</param>
public sealed record RunNotice(string Type, DateTimeOffset Timestamp, RunSummary Data);
