using System.Globalization;

namespace BuildRunner.Core.AgentContract;

/// <summary>The paths of the agent contract, version 1, and the order in which an agent calls them.</summary>
/// <remarks>
/// <para>Every call but <see cref="Register"/> carries <c>Authorization: Bearer CREDENTIAL</c>; who calls is known from that alone, never from a body.
/// Bodies are JSON by <see cref="AgentContractJson"/>, but log bytes, which are raw.</para>
/// <para>1. <see cref="Register"/>, once in the life of an agent. 2. <see cref="Hello"/> at each start: settings, and what the server believes the agent holds;
/// what the journal does not know of is returned, what it knows has ended is reported. 3. <see cref="Claim"/>, always one open: it waits for up to 15 s.
/// 4. <see cref="Heartbeat"/> at the interval that hello told. 5. Per piece of work: prepare, <see cref="Intent"/>, start, <see cref="Log"/>, stop the log,
/// <see cref="Result"/>. 6. <see cref="Return"/> what provably was not started and will not be. 7. <see cref="Goodbye"/> after draining.</para>
/// <para>Answers: 2xx done (also the second time). 401 the credential is not valid (any more). 409 refused: the fence is stale, the work is over, or it is being stopped;
/// the agent must not go on with what it announced and reports the end of what goes on. 416 only for logs. 426 the agent is too old.
/// 503 with <c>Retry-After</c> and everything that is not an answer: try again, the same call, with growing pauses. Errors are problem details; <c>code</c> is a
/// stable word of <see cref="AgentProblems"/>.</para>
/// </remarks>
public static class AgentRoutes
{
    /// <summary>POST <see cref="RegisterRequest"/> → <see cref="RegisterResponse"/>. The only call without a credential: the one-time token is in the body.</summary>
    public const string Register = "/agent/v1/register";

    /// <summary>POST <see cref="HelloRequest"/> → <see cref="HelloResponse"/>.</summary>
    public const string Hello = "/agent/v1/hello";

    /// <summary>POST <see cref="ClaimRequest"/> → <see cref="ClaimResponse"/>, after at most <see cref="AgentTimes.ClaimWait"/>.</summary>
    public const string Claim = "/agent/v1/claim";

    /// <summary>POST <see cref="HeartbeatRequest"/> → <see cref="HeartbeatResponse"/>.</summary>
    public const string Heartbeat = "/agent/v1/heartbeat";

    /// <summary>POST <see cref="GoodbyeRequest"/> → 204.</summary>
    public const string Goodbye = "/agent/v1/goodbye";

    /// <summary>POST <see cref="IntentRequest"/> → 204 or 409, with <c>{id}</c> for the work.</summary>
    public const string Intent = "/agent/v1/work/{id}/intent";

    /// <summary>POST <see cref="ResultRequest"/> → 204 or 409. The same report twice is answered as the first time.</summary>
    public const string Result = "/agent/v1/work/{id}/result";

    /// <summary>POST <see cref="ReturnRequest"/> → 204 or 409.</summary>
    public const string Return = "/agent/v1/work/{id}/return";

    /// <summary>POST <see cref="ServiceRequest"/> → 204 or 409. The work is the one that made the workflow, also after its end.</summary>
    public const string Service = "/agent/v1/work/{id}/service";

    /// <summary>POST <see cref="ResumeRequest"/> → <see cref="ResumeResponse"/>; 409: the workflow is not this agent's any more, or is ending.</summary>
    public const string Resume = "/agent/v1/work/{id}/resume";

    /// <summary>POST <see cref="WorkflowLostRequest"/> → 204 or 409. The work is the one that made the workflow.</summary>
    public const string WorkflowLost = "/agent/v1/work/{id}/workflow-lost";

    /// <summary>PUT raw bytes, at most <see cref="LogLimits.MaxChunk"/> → 200 or 416, both with <see cref="LogPosition"/>.
    /// Query: <c>stream</c> (<see cref="LogStreams"/>), <c>fence</c>, <c>offset</c> (of the first byte); with the last bytes (which may be none) <c>sha256</c> of the whole
    /// stream, in hexadecimal digits; <c>age</c>: for how many milliseconds the first of these bytes may have waited at the agent; with the last
    /// bytes <c>drain</c>: how many milliseconds ago the log was complete.</summary>
    /// <remarks>Bytes that are stored already are compared and skipped. Until <see cref="LogPosition.Ended"/> is answered the agent keeps everything: a server that lost its
    /// machine answers with an earlier offset, and one that finds another digest with 416 and offset 0.</remarks>
    public const string Log = "/agent/v1/work/{id}/log";

    /// <summary>The path of a call about one piece of work.</summary>
    public static string For(string route, WorkId work)
    {
        ArgumentNullException.ThrowIfNull(route);
        return route.Replace("{id}", work.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Path and query of a log upload.</summary>
    public static string ForLog(WorkId work, string stream, long fence, long offset, string? sha256, LogDelay? delay = null) => string.Create(
        CultureInfo.InvariantCulture,
        $"{For(Log, work)}?stream={Uri.EscapeDataString(stream)}&fence={fence}&offset={offset}{(delay is null ? "" : $"&age={delay.Age.TotalMilliseconds:F0}")}{(delay?.Drain is { } drain ? $"&drain={drain.TotalMilliseconds:F0}" : "")}{(sha256 is null ? "" : "&sha256=" + sha256)}");
}

/// <summary>How long the bytes of an upload have waited, by the agent's clock.</summary>
/// <param name="Age">The first of them, at most.</param>
/// <param name="Drain">Since the log was complete; null: it is not.</param>
public sealed record LogDelay(TimeSpan Age, TimeSpan? Drain);

/// <summary>The stable words in <c>code</c> of the contract's problem details.</summary>
public static class AgentProblems
{
    /// <summary>The work was given away, or its agent is another one. Stop it; nothing more about it is taken.</summary>
    public const string Stale = "stale";

    /// <summary>The work is being stopped, or its run has gone on: it must not be started, and its end must be reported.</summary>
    public const string Stopped = "stopped";

    /// <summary>Another, different result was stored before.</summary>
    public const string Ended = "ended";

    /// <summary>The agent is too old, or newer than the server.</summary>
    public const string Version = "version";

    /// <summary>The registration token is unknown, used or expired.</summary>
    public const string Token = "token";
}
