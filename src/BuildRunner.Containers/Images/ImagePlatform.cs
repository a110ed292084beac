using System.Runtime.InteropServices;

namespace BuildRunner.Containers.Images;

/// <summary>What an image runs on, in Go's words.</summary>
/// <param name="OperatingSystem"><c>linux</c>.</param>
/// <param name="Architecture"><c>amd64</c>, <c>arm64</c>, <c>arm</c> …</param>
/// <param name="Variant"><c>v7</c>, <c>v8</c> …; null if there is none.</param>
public sealed record ImagePlatform(string OperatingSystem, string Architecture, string? Variant = null)
{
    /// <summary>This host.</summary>
    public static ImagePlatform Host { get; } = new("linux", HostArchitecture(), RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm ? "v7" : null);

    /// <inheritdoc/>
    public override string ToString() => $"{OperatingSystem}/{Architecture}{(Variant is null ? "" : "/" + Variant)}";

    /// <summary>How well an image of platform <paramref name="offered"/> runs here: the higher the better; null if it does not.</summary>
    internal int? RankOf(ImagePlatform offered)
    {
        if (offered.OperatingSystem != OperatingSystem || offered.Architecture != Architecture)
        {
            return null;
        }

        var (own, theirs) = (LevelOf(Variant), LevelOf(offered.Variant));
        return theirs <= own ? theirs : null;
    }

    // What an architecture means without a variant: v8 of arm64, v1 of amd64, v7 of arm.
    private int LevelOf(string? variant) => variant is ['v', .. var digits] && int.TryParse(digits, out var level)
        ? level
        : Architecture switch
        {
            "arm64" => 8,
            "arm" => 7,
            _ => 1,
        };

    private static string HostArchitecture() => RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.X86 => "386",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        System.Runtime.InteropServices.Architecture.Arm => "arm",
        System.Runtime.InteropServices.Architecture.Ppc64le => "ppc64le",
        System.Runtime.InteropServices.Architecture.S390x => "s390x",
        System.Runtime.InteropServices.Architecture.RiscV64 => "riscv64",
        System.Runtime.InteropServices.Architecture.LoongArch64 => "loong64",
        var other => other.ToString().ToLowerInvariant(),
    };
}
