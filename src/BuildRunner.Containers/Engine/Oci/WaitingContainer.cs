using BuildRunner.Containers.Images;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>A container that was made before it is known what it is for (decision 227).</summary>
/// <remarks>It has an image, limits and mounts, but no files, no record, no environment and no command. Nothing has run in it but the init, which waits.</remarks>
internal sealed class WaitingContainer
{
    // What was read of an image when the container was made, to find its user, and is not read again.
    private static readonly string[] ReadAhead = ["", "/etc", "/etc/passwd", "/etc/group"];

    private readonly ContainerPlanner _planner;
    private readonly byte[] _likeness;
    private readonly IReadOnlyList<string> _sources;

    /// <summary>Notes what it was made from.</summary>
    /// <param name="planner">Described it.</param>
    /// <param name="container">The container.</param>
    /// <param name="made">What the holder made for it.</param>
    /// <param name="shim">Its shim.</param>
    /// <param name="sources">What its sources were (<see cref="SourcesOf"/>) before it was made.</param>
    public WaitingContainer(ContainerPlanner planner, OciContainer container, ContainerPlanner.MadeParts made, ShimClient shim, IReadOnlyList<string> sources)
    {
        _planner = planner;
        _sources = sources;
        Container = container;
        Made = made;
        Shim = shim;
        _likeness = planner.LikenessOf(container.Spec, made);
    }

    public OciContainer Container { get; }

    public ContainerPlanner.MadeParts Made { get; }

    public ShimClient Shim { get; }

    /// <summary>A specification without what a container can be told later: nothing of a workflow that has been is kept for the next one.</summary>
    public static ContainerSpec WithoutTask(ContainerSpec spec) => spec with
    {
        Entrypoint = null,
        Command = null,
        Files = [],
        Environment = new Dictionary<string, string>(),
        WorkingDirectory = null,
        Deadline = null,
        Record = null,
        Labels = new Dictionary<string, string>(),
    };

    /// <summary>The specification of a container that waits.</summary>
    /// <param name="spec">One that it shall be like.</param>
    /// <param name="folder">Gets the files that begin empty; their paths are those of the result.</param>
    public static ContainerSpec LikenessOf(ContainerSpec spec, string folder) => WithoutTask(spec) with
    {
        HostMounts = [.. spec.HostMounts.Select((mount, at) => mount.BeginsEmpty ? mount with { Source = EmptyFile(folder, at) } : mount)],
    };

    /// <summary>What the paths lead to that a container shows and that others can change: of layers that the store has made nobody can.</summary>
    public static IReadOnlyList<string> SourcesOf(ContainerSpec spec) =>
    [
        .. spec.Image.Reference.Transport == ImageTransport.RootFileSystem
            ? spec.Image.LayerDirectories.SelectMany(d => ReadAhead, (d, read) => HostIdentity.Of(d + read, withTime: true)) : [],
        .. spec.HostMounts.Where(m => !m.BeginsEmpty).Select(m => HostIdentity.Of(m.Source)),
    ];

    /// <summary>True: it lives, and what it shows of the host is what is there.</summary>
    public bool IsGood => !Shim.HasEnded && _sources.SequenceEqual(SourcesOf(Container.Spec), StringComparer.Ordinal);

    /// <summary>Whether it is what a container of this specification would be.</summary>
    public bool IsAlsoFor(ContainerSpec spec) =>
        IsGood
        && spec.Files.Sum(f => (long)f.Content.Length + ContainerPaths.PerFile) <= ContainerPaths.InjectedLater
        && HaveTheSame(Container.Spec, spec)
        && _likeness.AsSpan().SequenceEqual(_planner.LikenessOf(spec, Made));

    /// <summary>Whether two specifications, made in the same group one after the other, would give containers that nobody can tell apart before they are told what they are for.</summary>
    /// <param name="planner">Describes them.</param>
    /// <param name="one">The one that was made.</param>
    /// <param name="other">The other.</param>
    /// <param name="made">What the holder made for the first.</param>
    public static bool AreAlike(ContainerPlanner planner, ContainerSpec one, ContainerSpec other, ContainerPlanner.MadeParts made)
    {
        try
        {
            return HaveTheSame(one, other) && !planner.HidesOfHost(one) && planner.LikenessOf(one, made).AsSpan().SequenceEqual(planner.LikenessOf(other, made));
        }
        catch (Exception e) when (e is ContainerException or IOException or UnauthorizedAccessException)
        {
            // What the other one asks for is not there any more: a device that was unplugged since.
            return false;
        }
    }

    /// <summary>Makes it the container of a specification: what begins empty gets its place, and the shim hears what it is for.</summary>
    /// <exception cref="ContainerException">It is gone, or something of it cannot be done.</exception>
    /// <exception cref="IOException">A file cannot get its place.</exception>
    public Task AssignAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        foreach (var (own, wanted) in Container.Spec.HostMounts.Zip(spec.HostMounts).Where(m => m.First.BeginsEmpty))
        {
            EmptyPlace.Rename(own.Source, wanted.Source);
        }

        return Shim.AssignAsync(_planner.TaskOf(spec), spec.Image.DisplayName, cancellationToken);
    }

    // What the holder makes: of the rest the description tells.
    private static bool HaveTheSame(ContainerSpec one, ContainerSpec other) =>
        one.From is null && other.From is null
        && one.Network == other.Network
        && one.Image.Reference.Transport == other.Image.Reference.Transport
        && one.Image.LayerDirectories.SequenceEqual(other.Image.LayerDirectories, StringComparer.Ordinal)
        && one.HostMounts.Select(m => m.BeginsEmpty).SequenceEqual(other.HostMounts.Select(m => m.BeginsEmpty));

    private static string EmptyFile(string folder, int at)
    {
        var path = Path.Combine(folder, $"file-{at}");
        using (File.Create(path))
        {
        }

        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        return path;
    }
}
