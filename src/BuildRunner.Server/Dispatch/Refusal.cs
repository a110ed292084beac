using BuildRunner.Core.AgentContract;

namespace BuildRunner.Server.Dispatch;

/// <summary>Why an agent's call was not taken.</summary>
/// <param name="Code">One of <see cref="AgentProblems"/>.</param>
/// <param name="Why">A sentence for people.</param>
internal sealed record Refusal(string Code, string Why)
{
    public static Refusal Stale { get; } = new(AgentProblems.Stale, "this work is not, or no longer, yours; stop it");
}
