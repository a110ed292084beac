using BuildRunner.Containers.Networks;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>How groups with the profile <c>hardened</c> are kept (<see cref="GroupSpec.Hardened"/>).</summary>
public sealed record HardenedOptions
{
    /// <summary>The least that <see cref="ScratchBytes"/> may be.</summary>
    public const long SmallestScratch = 1L << 20;

    /// <summary>True: there will be such groups, so a probe tries one.</summary>
    public bool IsWanted { get; init; }

    /// <summary>Their OCI runtime, best one with a kernel of its own; null: as for others.</summary>
    public string? RuntimePath { get; init; }

    /// <summary>What they reach beside name servers, and nothing else: addresses or networks, with a port if only that is meant (<see cref="Destination"/>). None: no way out, and no names.</summary>
    public IReadOnlyList<string> Egress { get; init; } = [];

    /// <summary>What a container may write in all to the folders for temporary files and to its home, in bytes of memory that count as its own.</summary>
    public long ScratchBytes { get; init; } = 1L << 30;

    /// <summary>What is wrong with them, one sentence each.</summary>
    internal IEnumerable<string> Problems()
    {
        foreach (var text in Egress)
        {
            if (Destination.Parse(text, out var problem) is null)
            {
                yield return $"Engine:HardenedEgress has '{text}': {problem}.";
            }
        }

        if (ScratchBytes < SmallestScratch)
        {
            yield return $"Engine:HardenedScratch of {ScratchBytes} bytes is too little; give at least {SmallestScratch >> 20} MiB.";
        }
    }
}
