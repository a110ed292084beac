using System.Text.Json.Serialization;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.AgentContract;

/// <summary>What a piece of work is.</summary>
public enum WorkKind
{
    /// <summary>Make a workflow.</summary>
    Start,

    /// <summary>Run one attempt of a step.</summary>
    Step,

    /// <summary>Release a workflow.</summary>
    Release,
}

/// <summary>A piece of work, complete: whoever has it needs to ask nothing more.</summary>
public sealed record WorkItem
{
    /// <summary>Which.</summary>
    public required WorkId Id { get; init; }

    /// <summary>Raised by each claim; every call about the work names it.</summary>
    public required long Fence { get; init; }

    /// <summary>The run.</summary>
    public required RunId Run { get; init; }

    /// <summary>The run as people name it: <c>owner/name#12</c>.</summary>
    public required string RunName { get; init; }

    /// <summary>When the run was accepted.</summary>
    public required DateTimeOffset RunCreatedAt { get; init; }

    /// <summary>The workflow's name.</summary>
    public required string Workflow { get; init; }

    /// <summary>The work that made the workflow: one workspace, one network.</summary>
    public required WorkId Start { get; init; }

    /// <summary>What to do.</summary>
    public required WorkTask Task { get; init; }
}

/// <summary>What to do. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Start), "start")]
[JsonDerivedType(typeof(Step), "step")]
[JsonDerivedType(typeof(Release), "release")]
public abstract record WorkTask
{
    private WorkTask()
    {
    }

    /// <summary>Make workspace and network, start the services and wait until they are ready; then <see cref="WorkResult.Ready"/> or <see cref="WorkResult.Broken"/>.</summary>
    public sealed record Start : WorkTask
    {
        /// <summary>The workflow.</summary>
        public required WorkflowPlan Plan { get; init; }

        /// <summary>What the run is for.</summary>
        public required RunEvent Event { get; init; }

        /// <summary>The secrets its services name, by name.</summary>
        public IReadOnlyDictionary<string, string> Secrets { get; set; } = new Dictionary<string, string>();

        /// <summary>Secrets its services name and do not get, by name: why, as a sentence.</summary>
        public IReadOnlyDictionary<string, string> SecretsWithheld { get; set; } = new Dictionary<string, string>();

        /// <summary>Every value that any step or service of the workflow gets: none may be seen in any of its logs.</summary>
        public IReadOnlyList<string> Mask { get; set; } = [];

        /// <summary>What an administrator allowed the repository.</summary>
        public required WorkGrants Grants { get; init; }

        /// <summary>Credentials for the registries of its images; for pulls only, no container may see them.</summary>
        public IReadOnlyList<RegistryAccess> Registries { get; set; } = [];
    }

    /// <summary>Run one attempt; then <see cref="WorkResult.Ended"/>.</summary>
    public sealed record Step : WorkTask
    {
        /// <summary>The step.</summary>
        public required StepPlan Plan { get; init; }

        /// <summary>From 1.</summary>
        public required int Attempt { get; init; }

        /// <summary>The workflow's status when the attempt became due.</summary>
        public required WorkflowStatus Status { get; init; }

        /// <summary>What the steps that ended before it wrote to their outputs files, by step and key.</summary>
        public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Outputs { get; init; } =
            new Dictionary<string, IReadOnlyDictionary<string, string>>();

        /// <summary>The secrets it names, by name.</summary>
        public IReadOnlyDictionary<string, string> Secrets { get; set; } = new Dictionary<string, string>();

        /// <summary>Secrets it names and does not get, by name: why, as a sentence.</summary>
        public IReadOnlyDictionary<string, string> SecretsWithheld { get; set; } = new Dictionary<string, string>();

        /// <summary>The digest that the step's image had when the run first used it; null: nobody has used it yet.</summary>
        public string? PinnedDigest { get; init; }

        /// <summary>How long it was due before the agent got it.</summary>
        public TimeSpan Waited { get; init; }

        /// <summary>Where the source is; null unless this is the clone step.</summary>
        public SourceAccess? Source { get; init; }

        /// <summary>What an administrator allowed the repository.</summary>
        public required WorkGrants Grants { get; init; }

        /// <summary>Credentials for the registries of its images; for pulls only, no container may see them.</summary>
        public IReadOnlyList<RegistryAccess> Registries { get; set; } = [];
    }

    /// <summary>End what is left of the workflow: services, network, workspace; then <see cref="WorkResult.Released"/>.</summary>
    public sealed record Release : WorkTask;
}

/// <summary>What an administrator allowed a repository; decided by the server, never by what is in the repository.</summary>
public sealed record WorkGrants
{
    /// <summary>Nothing beyond the ordinary.</summary>
    public static WorkGrants None { get; } = new();

    /// <summary>Steps may ask for <c>privileged</c>.</summary>
    public bool Privileged { get; init; }

    /// <summary>Steps may mount directories of the host.</summary>
    public bool Volumes { get; init; }

    /// <summary>Steps may have devices of the host.</summary>
    public bool Devices { get; init; }

    /// <summary>The run comes from somebody who may not write to the repository.</summary>
    public bool Stranger { get; init; }
}

/// <summary>Credentials for a registry.</summary>
/// <param name="Host">Host, or host and port, in lower case.</param>
/// <param name="User">The user; <c>&lt;token&gt;</c> for an identity token.</param>
/// <param name="Password">The password or token; a secret.</param>
public sealed record RegistryAccess(string Host, string User, string Password);

/// <summary>How to get the source.</summary>
public sealed record SourceAccess
{
    /// <summary>https, ssh, or an absolute path on the agent's own machine.</summary>
    public required string Url { get; init; }

    /// <summary>The full ref.</summary>
    public required string Ref { get; init; }

    /// <summary>The commit.</summary>
    public required string Commit { get; init; }

    /// <summary>User for https; null: none.</summary>
    public string? User { get; init; }

    /// <summary>Password or token for https, private key for ssh; a secret that must not stay in the workspace.</summary>
    public string? Secret { get; init; }

    /// <summary>True: it opens this repository only; the agent shows it to no other, not even to a submodule on the same host.</summary>
    public bool ForItselfOnly { get; init; }
}
