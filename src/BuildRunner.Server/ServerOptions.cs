using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Webhooks;

namespace BuildRunner.Server;

/// <summary>What the server needs to know to start. Every default is usable but the data folder.</summary>
public sealed record ServerOptions
{
    /// <summary>Where database and logs are; made if it does not exist, readable by its owner only.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Which database; null: SQLite in the data folder.</summary>
    public string? PostgreSql { get; init; }

    /// <summary>Whether the tables are brought to this version at the start.</summary>
    public bool MigrateOnStart { get; init; } = true;

    /// <summary>Seals and opens secrets.</summary>
    public required KeyRing Keys { get; init; }

    /// <summary>Names on the bus.</summary>
    public BusNames Bus { get; init; } = new("buildrunner", Alone: true);

    /// <summary>How work is handed out and taken back.</summary>
    public DispatchOptions Dispatch { get; init; } = new();

    /// <summary>How much a step may write.</summary>
    public LogLimits Logs { get; init; } = new();

    /// <summary>How repositories are read.</summary>
    public SourceOptions Sources { get; init; } = new();

    /// <summary>Where people reach the server, for links; null: where it listens.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>What holds for pipelines where neither file nor repository says otherwise.</summary>
    public PipelineOptions Pipelines { get; init; } = new();

    /// <summary>Whether anybody may see runs, logs, agents and the queue without signing in.</summary>
    public bool PublicRead { get; init; }

    /// <summary>True: nobody has to sign in on this machine, and whoever calls from it may do everything. For a server that listens on the loopback interface only.</summary>
    public bool OpenToThisMachine { get; init; }

    /// <summary>How long things are kept.</summary>
    public HousekeepingOptions Housekeeping { get; init; } = new();

    /// <summary>What holds for webhooks that arrive.</summary>
    public WebhookOptions Webhooks { get; init; } = new();

    /// <summary>Who is told about runs.</summary>
    public NotifyOptions Notify { get; init; } = new();

    /// <summary>How GitHub is spoken to; as it is by default, not at all.</summary>
    public GitHubOptions GitHub { get; init; } = new();

    /// <summary>What holds for schedules.</summary>
    public ScheduleOptions Schedules { get; init; } = new();

    /// <summary>Judges late conditions of steps; null: no plan has any.</summary>
    public LateConditionJudge? Judge { get; init; }

    /// <summary>What is wrong, a sentence each; empty if the server can start with it.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = Dispatch.Problems().ToList();
        if (!Path.IsPathFullyQualified(DataDirectory))
        {
            problems.Add($"the data folder must be an absolute path; it is '{DataDirectory}'");
        }

        if (Logs.MaxChunk is < 1024 or > 4 * 1024 * 1024)
        {
            problems.Add($"one upload of a log must be between 1 KiB and 4 MiB; it is {Logs.MaxChunk} bytes");
        }

        problems.AddRange(Sources.LocalFolders.Where(f => !Path.IsPathFullyQualified(f)).Select(f => $"a folder of repositories must be an absolute path; one is '{f}'"));
        problems.AddRange(Webhooks.Problems());
        problems.AddRange(Notify.Problems());
        problems.AddRange(GitHub.Problems());
        return problems;
    }
}
