namespace BuildRunner.Agent.Contract;

/// <summary>The server has answered, and the answer is that this agent cannot go on as it is. Nothing that may pass by itself is reported this way.</summary>
public sealed class ContractException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">What kind of refusal it is.</param>
    /// <param name="message">What the server said and what to do; for the person who must act.</param>
    public ContractException(ContractFailure reason, string message)
        : base(message) => Reason = reason;

    /// <summary>What kind of refusal it is.</summary>
    public ContractFailure Reason { get; }
}

/// <summary>Why an agent cannot go on.</summary>
public enum ContractFailure
{
    /// <summary>The credential is not valid (any more): the agent was removed at the server.</summary>
    Credential,

    /// <summary>The one-time registration token is unknown, used or expired.</summary>
    Token,

    /// <summary>Agent and server are of versions that do not understand each other.</summary>
    Version,

    /// <summary>The server does not take a message of this agent: a defect of one of them, or something that is no BuildRunner answers at this address.</summary>
    Message,
}

/// <summary>A call about a piece of work was refused (409).</summary>
/// <param name="Code">A word of <see cref="Core.AgentContract.AgentProblems"/>.</param>
/// <param name="Why">The server's own words.</param>
internal sealed record WorkRefusal(string Code, string Why);
