namespace BuildRunner.Core.Runs;

/// <summary>Something to do after a new state was saved. Safe to do twice: facts about what is over are refused. A closed hierarchy.</summary>
public abstract record Effect
{
    private Effect()
    {
    }

    /// <summary>Say <see cref="RunFact.WorkflowTaken"/>; if that is taken, make network, workspace and services, then say <see cref="RunFact.WorkflowReady"/> or
    /// <see cref="RunFact.WorkflowBroken"/>.</summary>
    public sealed record StartWorkflow(string Workflow) : Effect;

    /// <summary>Find somebody to run an attempt.</summary>
    /// <param name="Workflow">The workflow's name.</param>
    /// <param name="Step">The step's name.</param>
    /// <param name="Attempt">From 1.</param>
    /// <param name="NotBefore">The delay of a retry; null: at once.</param>
    /// <param name="Status">The workflow's status at this moment, for <c>CI_PIPELINE_STATUS</c>.</param>
    public sealed record DispatchStep(string Workflow, string Step, int Attempt, DateTimeOffset? NotBefore, WorkflowStatus Status) : Effect;

    /// <summary>End an attempt: TERM, then KILL. Its end is then reported as usual.</summary>
    public sealed record StopStep(string Workflow, string Step, int Attempt, StopReason Reason) : Effect;

    /// <summary>End what is left of a workflow: services, network, workspace; then say <see cref="RunFact.WorkflowReleased"/>.</summary>
    public sealed record ReleaseWorkflow(string Workflow) : Effect;

    /// <summary>A workflow has ended.</summary>
    public sealed record WorkflowFinished(string Workflow, Outcome Outcome) : Effect;

    /// <summary>The run has ended.</summary>
    public sealed record RunFinished(Outcome Outcome) : Effect;
}

/// <summary>The state of a workflow as <c>when.status</c> sees it.</summary>
public enum WorkflowStatus
{
    /// <summary>Nothing has failed.</summary>
    Success,

    /// <summary>A step has failed, and its failure counts.</summary>
    Failure,

    /// <summary>The run was cancelled.</summary>
    Cancelled,
}
