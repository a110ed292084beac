namespace BuildRunner.Core.Messages;

/// <summary>Work has become due. Told to one server, whichever takes the message first. A doorbell, as all messages are: it carries ids only, and is harmless when
/// lost, late, repeated or forged.</summary>
/// <param name="Run">The run.</param>
/// <param name="Work">The work.</param>
public sealed record StepQueued(Guid Run, Guid Work);

/// <summary>No agent waits for this work at the server that was told first. Told to every server.</summary>
/// <param name="Work">The work.</param>
public sealed record StepWaiting(Guid Work);

/// <summary>An agent has something to do or to stop, and may wait at another server. Told to every server.</summary>
/// <param name="Agent">The agent.</param>
public sealed record AgentWanted(Guid Agent);

/// <summary>A run has changed. Told to every server, so that its live pages and its reporter look again.</summary>
/// <param name="Run">The run.</param>
/// <param name="Version">The version of its state.</param>
public sealed record RunChanged(Guid Run, long Version);
