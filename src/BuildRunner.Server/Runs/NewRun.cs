using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Runs;

/// <summary>A run to be stored.</summary>
internal sealed record NewRun
{
    public required Guid Repository { get; init; }

    /// <summary>A number that was set aside for it; null: the next one.</summary>
    public int? Number { get; init; }

    /// <summary>What it does; null if its files have errors.</summary>
    public required RunPlan? Plan { get; init; }

    /// <summary>What is to be said about its files.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; init; } = [];

    public required RunEvent Event { get; init; }

    public required string Title { get; init; }

    public required string Author { get; init; }

    public required TrustDecision Trust { get; init; }

    /// <summary>Who sent the trigger (<c>api</c>, <c>github</c>) and its own id for it: the same twice is one run (promise G1). Null: the sender gave none.</summary>
    public (string Source, string Key)? Delivery { get; init; }

    /// <summary>A second key of the same sender's under which the run is known from its first moment; null: there is none.</summary>
    public string? AlsoKnownAs { get; init; }

    /// <summary>True: earlier runs of the same ref that go on are cancelled.</summary>
    public bool CancelsEarlier { get; init; }

    public int Priority { get; init; }
}

/// <summary>A run that is stored.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Number">Its number in its repository.</param>
/// <param name="Created">False: an earlier delivery of the same trigger had made it.</param>
internal sealed record StoredAs(Guid Id, int Number, bool Created);
