using BuildRunner.Sandbox.Wire;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>How one container gets its waiter and its files, and how it speaks with us.</summary>
internal interface IContainerFiles : IDisposable
{
    /// <summary>What the container mounts for that.</summary>
    IReadOnlyList<Mount> Mounts { get; }

    /// <summary>Directories in memory that the container has, with their options.</summary>
    IReadOnlyDictionary<string, string> Memory { get; }

    /// <summary>The waiter as the container's first process.</summary>
    IReadOnlyList<string> Waiter { get; }

    /// <summary>True: the waiter speaks on its standard streams, which the engine must keep.</summary>
    bool UsesStandardStreams { get; }

    /// <summary>True: to <see cref="Put"/> secrets, it must be known who the container's user is.</summary>
    bool NeedsOwner { get; }

    /// <summary>Makes ready to hear the waiter of a container that was created and not yet started.</summary>
    Task ListenAsync(string containerId, CancellationToken cancellationToken);

    /// <summary>Begins the record of the container's output; null: the waiter cannot be given a file of this host, and nothing of the output outlives us but what we have taken.</summary>
    OutputRecord? BeginRecord(RecordSpec spec);

    /// <summary>Waits for the waiter. It is the only one who gets in: no user code has run.</summary>
    /// <param name="record">Given to it; null: there is none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<WaiterChannel> AcceptAsync(OutputRecord? record, CancellationToken cancellationToken);

    /// <summary>Puts files into the container; returns those that the waiter has to write itself.</summary>
    /// <param name="added">The files.</param>
    /// <param name="owner">Who may read the secret ones.</param>
    IReadOnlyList<FileContent> Put(IReadOnlyList<InjectedFile> added, (uint User, uint Group) owner);
}
