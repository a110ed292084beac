namespace BuildRunner.Core.Messages;

/// <summary>Work has become due. A doorbell: it carries ids only, and is harmless when lost, late, repeated or forged.</summary>
/// <param name="Run">The run.</param>
/// <param name="Work">The work.</param>
public sealed record StepQueued(Guid Run, Guid Work);

/// <summary>An agent has something to do or to stop, which may wait at another server. Told to every server.</summary>
/// <param name="Agent">The agent it is for; null: any that fits.</param>
public sealed record AgentWanted(Guid? Agent);

/// <summary>A run has changed. Told to every server, so that its live pages and its reporter look again.</summary>
/// <param name="Run">The run.</param>
/// <param name="Version">The version of its state.</param>
public sealed record RunChanged(Guid Run, long Version);
