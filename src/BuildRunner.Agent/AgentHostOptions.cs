using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent;

/// <summary>What an agent is and may do. The server tells the rest.</summary>
public sealed record AgentHostOptions
{
    /// <summary>The server's address.</summary>
    public required Uri Server { get; init; }

    /// <summary>Where the agent keeps what it works on: journal, workspaces, logs that are not at the server yet, copies of repositories. One agent per folder.</summary>
    public required string WorkDirectory { get; init; }

    /// <summary>The name it wants when it registers.</summary>
    public required string Name { get; init; }

    /// <summary>How many steps it runs at once, at least 1.</summary>
    public required int Slots { get; init; }

    /// <summary>The credential of an agent that its host has registered; null: the one in the folder, else <see cref="Token"/> is used.</summary>
    public string? Credential { get; init; }

    /// <summary>The one-time token of an agent that is not registered yet.</summary>
    public string? Token { get; init; }

    /// <summary>Where secrets lie that a restarted agent needs for masking; best a <c>tmpfs</c>. Null: a folder below <c>/run/buildrunner</c>, or in the working
    /// directory where that cannot be written.</summary>
    public string? VolatileDirectory { get; init; }

    /// <summary>With less free space it takes no new workflows.</summary>
    public long MinFreeDisk { get; init; } = 5L << 30;

    /// <summary>How long it finishes what it has when it is asked to end.</summary>
    public TimeSpan DrainGrace { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two looks for what crashes have left behind.</summary>
    public TimeSpan ReapEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Takes one workflow and ends.</summary>
    public bool Once { get; init; }

    /// <summary>Whether steps may be privileged, where the server allows it too.</summary>
    public bool AllowPrivileged { get; init; }

    /// <summary>Directories below which volumes of steps may lie, where the server allows volumes.</summary>
    public IReadOnlyList<string> AllowedVolumes { get; init; } = [];

    /// <summary>Devices that steps may have, where the server allows devices (<see cref="Steps.StepPolicy.AllowedDevices"/>).</summary>
    public IReadOnlyList<string> AllowedDevices { get; init; } = [];

    /// <summary>Directories that <c>rootfs:</c> may name.</summary>
    public IReadOnlyList<string> AllowedRootFileSystems { get; init; } = [];

    /// <summary>Whether steps may have their images built: a builder's own commands run under its engine's isolation, not under BuildRunner's.</summary>
    public bool AllowImageBuilds { get; init; }

    /// <summary>Directories of this machine below which a repository may lie that is cloned from a path; <c>/</c> allows all.</summary>
    public IReadOnlyList<string> AllowedSources { get; init; } = [];

    /// <summary>The file with host keys that ssh trusts for sources, and no others; null: the first key that a host shows is kept.</summary>
    public string? KnownHosts { get; init; }

    /// <summary>The file with certificates of authorities that are trusted for sources over https; null: the system's.</summary>
    public string? CertificateAuthorities { get; init; }

    /// <summary>The image of clone steps that name none; null: the machine's own git, in a container.</summary>
    public string? CloneImage { get; init; }

    /// <summary>Images in place of others, by the text after <c>image:</c>.</summary>
    public IReadOnlyDictionary<string, string> ImageMap { get; init; } = new Dictionary<string, string>();

    /// <summary>Limits of a step that names none.</summary>
    public ResourceLimits DefaultLimits { get; init; } = ResourceLimits.None;

    /// <summary>What a workflow may write to the disk: one that asks for nothing, and at most. Null: as it asks, else as much as there is.</summary>
    public long? MostDiskBytes { get; init; }

    /// <summary>Which workflows get the profile <c>hardened</c>.</summary>
    public HardenedRuns Hardened { get; init; }

    /// <summary>Told when the agent has greeted the server and takes work.</summary>
    public Action? Ready { get; init; }

    /// <summary>Tells why its engine can run nothing now, as a clause, or null if it can: then nothing new is taken. May be asked at any time.</summary>
    public Func<string?>? EngineProblem { get; init; }

    /// <summary>Tells how the agent is; null: nobody asks.</summary>
    public AgentHealth? Health { get; init; }

    /// <summary>What is wrong, one sentence each; empty if nothing is.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (!Server.IsAbsoluteUri || Server.Scheme is not ("http" or "https"))
        {
            problems.Add($"the server's address '{Server}' must begin with http:// or https://");
        }

        if (Name is not { Length: > 0 and <= 64 } || !Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
        {
            problems.Add($"the name '{Name}' must be 1 to 64 letters, digits, dots, dashes and underscores");
        }

        if (Slots is < 1 or > 1024)
        {
            problems.Add($"an agent has 1 to 1024 slots, not {Slots}");
        }

        if (!Path.IsPathRooted(WorkDirectory))
        {
            problems.Add($"the working directory '{WorkDirectory}' must be an absolute path");
        }

        return problems;
    }
}
