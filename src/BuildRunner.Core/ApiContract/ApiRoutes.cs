using System.Globalization;

namespace BuildRunner.Core.ApiContract;

/// <summary>The paths of the API for people and programs, version 1, and what each answers.</summary>
/// <remarks>
/// <para>Every call carries <c>Authorization: Bearer TOKEN</c>, or the cookie of a signed-in browser (then every call but GET also carries <c>X-BuildRunner: 1</c>, which
/// no other site can make a browser send). Bodies and answers are JSON by <see cref="ApiJson"/>, but logs. Times are RFC 3339 in UTC.</para>
/// <para>Errors are problem details; <c>code</c> is a stable word of <see cref="ApiProblems"/>, <c>detail</c> says what to do. 400 the request is not of its form. 401 nobody is signed in.
/// 403 the token's scope does not reach. 404 there is no such thing, or whoever asks may not see it. 409 it cannot be done in the state it is in. 422 it is of its form, and cannot be done as it says.
/// 429 too often; <c>Retry-After</c> says when. 503 not now; the same call may be made again.</para>
/// </remarks>
public static class ApiRoutes
{
    /// <summary>What every path begins with.</summary>
    public const string Prefix = "/api/v1";

    /// <summary>The page on which people sign in.</summary>
    public const string LoginPage = "/login";

    /// <summary>Where a one-time link leads: <c>?token=</c> the link's token. It signs a browser in.</summary>
    public const string LinkPage = "/login/link";

    /// <summary>POST <see cref="ApiContract.RedeemLink"/> → 201 with <see cref="CreatedApiToken"/>. Needs no token: the code of a one-time link is one, once.</summary>
    public const string RedeemLink = Prefix + "/login";

    /// <summary>GET → <see cref="WhoAmI"/>. Any valid token.</summary>
    public const string WhoAmI = Prefix + "/whoami";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="Repository"/>, scope read. POST <see cref="AddRepository"/> → 201 with <see cref="Repository"/>, scope admin.</summary>
    public const string Repositories = Prefix + "/repos";

    /// <summary>GET → <see cref="Repository"/>, read. PATCH <see cref="ChangeRepository"/> → <see cref="Repository"/>, admin. DELETE → 204 with its runs and logs, admin; 409 while a run goes on.</summary>
    public const string RepositoryByName = Prefix + "/repos/{owner}/{name}";

    /// <summary>GET → <see cref="RunPage"/>, read. Query: <c>repo</c>, <c>branch</c>, <c>state</c> (a word of <see cref="RunStates"/>), <c>event</c>, <c>limit</c> (1 to 200, 30 if not given), <c>before</c> (from <see cref="RunPage.Next"/>). Newest first.</summary>
    public const string Runs = Prefix + "/runs";

    /// <summary>POST <see cref="StartRun"/> → 201 with <see cref="RunSummary"/>, scope run. The header <c>Idempotency-Key</c> (1 to 200 characters) makes the same call twice one run; the second answer is 200.</summary>
    public const string RunsOfRepository = Prefix + "/repos/{owner}/{name}/runs";

    /// <summary>GET → <see cref="RunDetails"/>, read. Query: <c>attempt</c>; the latest if not given. <c>{number}</c> may be <c>latest</c>.</summary>
    public const string Run = Prefix + "/repos/{owner}/{name}/runs/{number}";

    /// <summary>GET → <see cref="RunDetails"/> by id (32 hexadecimal digits), read.</summary>
    public const string RunById = Prefix + "/runs/{id}";

    /// <summary>GET, server-sent events, read: event <c>run</c> with <see cref="RunDetails"/> at once and after each change, <c>end</c> after the last one. A comment every 15 s.</summary>
    public const string RunEvents = Prefix + "/repos/{owner}/{name}/runs/{number}/events";

    /// <summary>GET → the plan as <c>buildrunner plan --json</c> writes it, read. 404 for a run whose files have errors.</summary>
    public const string RunPlan = Prefix + "/repos/{owner}/{name}/runs/{number}/plan";

    /// <summary>POST <see cref="CancelRun"/> → <see cref="RunDetails"/>, run. 409 if it has ended.</summary>
    public const string Cancel = Prefix + "/repos/{owner}/{name}/runs/{number}/cancel";

    /// <summary>POST <see cref="RerunRun"/> → 201 with <see cref="RunSummary"/> of the new attempt, run. 409 if it has not ended, or nothing would run.</summary>
    public const string Rerun = Prefix + "/repos/{owner}/{name}/runs/{number}/rerun";

    /// <summary>POST <see cref="DecideRun"/> → <see cref="RunDetails"/>, approve. 409 if it does not wait for an approval, or of another commit.</summary>
    public const string Approve = Prefix + "/repos/{owner}/{name}/runs/{number}/approve";

    /// <summary>As <see cref="Approve"/>; the run ends as cancelled.</summary>
    public const string Decline = Prefix + "/repos/{owner}/{name}/runs/{number}/decline";

    /// <summary>GET → the log of a step or service, read. Query: <c>workflow</c>, <c>step</c>, <c>attempt</c> (the run's), <c>try</c> (the step's attempt; the last if not given), <c>format</c>: <c>text</c>
    /// (default; what the step wrote, both streams in order), <c>lines</c> (one JSON <see cref="LogEntry"/> a line), <c>raw</c> (the stored frames; the header <c>Range</c> is obeyed). <c>tail</c>: only the last
    /// so many lines. Header <c>X-Log-Ended: true|false</c>; <c>X-Log-Missing</c> with the reason where bytes are missing.</summary>
    public const string Log = Prefix + "/repos/{owner}/{name}/runs/{number}/log";

    /// <summary>GET, server-sent events, read, with the query of <see cref="Log"/>: event <c>line</c> with <see cref="LogEntry"/>, its id is the offset to resume from
    /// (<c>Last-Event-ID</c>, or <c>offset</c> in the query); <c>end</c> with <see cref="LogEnd"/>. A comment every 15 s.</summary>
    public const string LogFollow = Prefix + "/repos/{owner}/{name}/runs/{number}/log/follow";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="AgentInfo"/>, read.</summary>
    public const string Agents = Prefix + "/agents";

    /// <summary>POST <see cref="NewAgentToken"/> → 201 with <see cref="AgentToken"/>, admin.</summary>
    public const string AgentTokens = Prefix + "/agents/tokens";

    /// <summary>DELETE → 204, admin: its credential opens nothing any more; what it held is given away or lost. 409 for the embedded one.</summary>
    public const string AgentByName = Prefix + "/agents/{agent}";

    /// <summary>POST → <see cref="AgentInfo"/>, admin: it takes nothing new.</summary>
    public const string AgentDrain = Prefix + "/agents/{agent}/drain";

    /// <summary>POST → <see cref="AgentInfo"/>, admin: it takes work again.</summary>
    public const string AgentResume = Prefix + "/agents/{agent}/resume";

    /// <summary>GET → <see cref="QueueInfo"/>, read.</summary>
    public const string Queue = Prefix + "/queue";

    /// <summary>POST <see cref="PauseQueue"/> → <see cref="QueueInfo"/>, admin: nothing new is handed out; what has begun is finished.</summary>
    public const string QueuePause = Prefix + "/queue/pause";

    /// <summary>POST → <see cref="QueueInfo"/>, admin.</summary>
    public const string QueueResume = Prefix + "/queue/resume";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="ApiToken"/>, admin. POST <see cref="NewApiToken"/> → 201 with <see cref="CreatedApiToken"/>, admin.</summary>
    public const string Tokens = Prefix + "/tokens";

    /// <summary>DELETE → 204, admin.</summary>
    public const string TokenById = Prefix + "/tokens/{id}";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="AuditEntry"/>, admin. Newest first. Query: <c>limit</c>, <c>before</c> (an entry's id), <c>subject</c>.</summary>
    public const string Audit = Prefix + "/audit";

    /// <summary>The path of one repository's route.</summary>
    /// <param name="route">One with <c>{owner}</c> and <c>{name}</c>.</param>
    /// <param name="repository"><c>owner/name</c>.</param>
    /// <exception cref="ArgumentException">That is no name of a repository.</exception>
    public static string For(string route, string repository)
    {
        ArgumentNullException.ThrowIfNull(route);
        ArgumentNullException.ThrowIfNull(repository);
        return repository.Split('/') is [{ Length: > 0 } owner, { Length: > 0 } name]
            ? route.Replace("{owner}", Uri.EscapeDataString(owner), StringComparison.Ordinal).Replace("{name}", Uri.EscapeDataString(name), StringComparison.Ordinal)
            : throw new ArgumentException($"'{repository}' is not of the form owner/name", nameof(repository));
    }

    /// <summary>The path of one run's route.</summary>
    public static string For(string route, string repository, int number) =>
        For(route, repository).Replace("{number}", number.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

    /// <summary>Fills one placeholder of a route.</summary>
    public static string With(string route, string placeholder, string value)
    {
        ArgumentNullException.ThrowIfNull(route);
        return route.Replace("{" + placeholder + "}", Uri.EscapeDataString(value), StringComparison.Ordinal);
    }
}

/// <summary>The stable words in <c>code</c> of the API's problem details.</summary>
public static class ApiProblems
{
    /// <summary>The request is not of its form.</summary>
    public const string Request = "request";

    /// <summary>Nobody is signed in.</summary>
    public const string SignIn = "sign_in";

    /// <summary>The token's scope does not reach.</summary>
    public const string Scope = "scope";

    /// <summary>There is no such thing.</summary>
    public const string NotFound = "not_found";

    /// <summary>It is there already.</summary>
    public const string Exists = "exists";

    /// <summary>It cannot be done in the state it is in.</summary>
    public const string State = "state";

    /// <summary>The repository could not be read: address, credential, branch or commit.</summary>
    public const string Source = "source";

    /// <summary>An administrator has not allowed it; the detail names the setting.</summary>
    public const string NotAllowed = "not_allowed";

    /// <summary>Too often.</summary>
    public const string TooMany = "too_many";

    /// <summary>Not now: database, disk or broker.</summary>
    public const string Unavailable = "unavailable";
}
