using System.Collections.Concurrent;
using BuildRunner.Agent.Contract;
using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>What the parts of a running agent share.</summary>
internal sealed class AgentParts
{
    public required AgentHostOptions Options { get; init; }

    public required IContainerEngine Engine { get; init; }

    public required AgentContractClient Client { get; init; }

    public required WorkFolder Folder { get; init; }

    public required Journal Journal { get; init; }

    public required Holdings Holdings { get; init; }

    public required Lease Lease { get; init; }

    public required Shipping Shipping { get; init; }

    public required ContainerLeases Leases { get; init; }

    /// <summary>What pulls cost.</summary>
    public PullTally Pulls { get; } = new();

    /// <summary>How often what was made ahead was wanted.</summary>
    public AheadTally Ahead { get; } = new();

    /// <summary>Gets sources for clone steps that name no image; null: this engine cannot, and they name one.</summary>
    public ICheckout? Checkout { get; init; }

    public required ILoggerFactory Loggers { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>New with each process.</summary>
    public required Guid Session { get; init; }

    /// <summary>What the server has told.</summary>
    public required HelloResponse Hello { get; set; }

    /// <summary>Whose groups of containers are this agent's (<see cref="GroupSpec.Owner"/>).</summary>
    public string Owner => "agent-" + Hello.Agent;

    /// <summary>The engine's group for a workflow: a name that no other process of this agent ever uses.</summary>
    public string GroupOf(WorkItem start) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{start.Start}-{start.Fence}-{Session.ToString("N")[..8]}");

    /// <summary>Workflows that are here, by the work that made them.</summary>
    public ConcurrentDictionary<WorkId, HostedWorkflow> Workflows { get; } = new();

    /// <summary>Ends all that goes on: the process is about to end.</summary>
    public required CancellationToken Leaving { get; init; }

    /// <summary>Told of what ends the agent: the server does not want it, or a defect.</summary>
    public required Action<Exception> Fail { get; init; }
}
