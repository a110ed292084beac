using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>At most one group with a container that waits, both in the likeness of what the last two workflows began with (decision 227). Making a container is most of what a workflow's first step waits for.</summary>
/// <remarks>
/// <para>Nobody is asked: what two workflows in a row began with, the next is taken to begin with too. It is made when a workflow is gone, so while nobody waits, and removed when nobody wanted it for a while.
/// What is not what is wanted is removed, and the group made as before.</para>
/// <para>Its folders and its cgroup have names that begin with <see cref="Prefix"/>; its processes notice when this one ends, and end, and the reaper finds the rest as that of every group.</para>
/// </remarks>
/// <param name="make">Makes a group with a container, in these likenesses, in a folder.</param>
/// <param name="options">Say how long one waits.</param>
internal sealed class ReadyWorkflow(Func<ReadyWorkflow.Beginning, string, Task<OciGroup>> make, OciEngineOptions options) : IAsyncDisposable
{
    /// <summary>How the ids of such groups begin, also when they have got their workflow.</summary>
    public const string Prefix = "ready-";

    private readonly Lock gate = new();
    private readonly CancellationTokenSource closing = new();
    private string? root;
    private Action<bool>? counted;
    private int workflows;
    private Beginning? last;
    private bool twice;
    private Task<OciGroup?>? ready;
    private long since;
    private Task sweeping = Task.CompletedTask;

    /// <summary>From now on one is kept, as soon as it is known in which likeness. Where the folder cannot be made, on a full disk for example, none is.</summary>
    /// <param name="folder">Where workspaces and files of it lie until it is known for whom; emptied.</param>
    /// <param name="first">Told whether a workflow got it (<see cref="IContainerEngine.KeepReady"/>).</param>
    public void Keep(string folder, Action<bool>? first)
    {
        try
        {
            TreeRemoval.Remove(folder);
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is ContainerException or IOException or UnauthorizedAccessException)
        {
            // An agent works without it, and the next start tries again.
            return;
        }

        lock (gate)
        {
            (root, counted) = (folder, first);
            sweeping = Task.Run(EndUnwantedAsync);
        }
    }

    /// <summary>Told what a workflow has begun with.</summary>
    /// <param name="beginning">Its group and its first container.</param>
    /// <param name="isLike">Whether its container is like that of the workflow before, if it had the same group.</param>
    public void Saw(Beginning beginning, Func<ContainerSpec, bool> isLike)
    {
        lock (gate)
        {
            if (root is null)
            {
                return;
            }

            twice = last is { } before && before.Group.IsLike(beginning.Group) && isLike(before.Container);
            last = beginning;
        }
    }

    /// <summary>Notes that a workflow begins, before its group is made; true: no other is there. <see cref="Give"/> follows, or <see cref="GotNone"/>.</summary>
    public bool Begins()
    {
        lock (gate)
        {
            return workflows++ == 0;
        }
    }

    /// <summary>Notes that a group is a workflow's from now on: the next one is made when it is gone.</summary>
    /// <param name="group">The group.</param>
    /// <param name="counts">Whether it counts what its first container is. While other workflows are there nobody promises that one is ready: that none is counts for nothing then.</param>
    public OciGroup Give(OciGroup group, bool counts)
    {
        group.First = counts ? counted : null;
        group.Ended = () =>
        {
            GotNone();
            Refill();
        };
        return group;
    }

    /// <summary>Notes that a workflow is not there any more: it got no group.</summary>
    public void GotNone()
    {
        lock (gate)
        {
            workflows--;
        }
    }

    /// <summary>Makes one elsewhere, unless there is one or nothing is known to make it like.</summary>
    public void Refill()
    {
        lock (gate)
        {
            if (twice && last is { } wanted && root is { } folder && !closing.IsCancellationRequested && ready is null)
            {
                ready = Task.Run(() => MakeAsync(wanted, Path.Combine(folder, $"{Prefix}{Guid.CreateVersion7():N}")));
                since = TimeProvider.System.GetTimestamp();
            }
        }
    }

    /// <summary>Hands out the group that is ready, if one is. The caller disposes it.</summary>
    public async Task<OciGroup?> TakeAsync()
    {
        Task<OciGroup?>? taken;
        lock (gate)
        {
            taken = ready is { IsCompleted: true } ? ready : null;
            ready = taken is null ? ready : null;
        }

        return taken is null ? null : await taken;
    }

    /// <summary>Ends it, and makes no other.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<OciGroup?>? left;
        lock (gate)
        {
            (left, ready, root) = (ready, null, null);
        }

        // Never disposed: it has no timer and no handle, and the end may be asked for twice.
        await closing.CancelAsync();
        await sweeping;
        if (left is not null && await left is { } group)
        {
            await EndAsync(group);
        }
    }

    private async Task<OciGroup?> MakeAsync(Beginning wanted, string folder)
    {
        try
        {
            return await make(wanted, folder);
        }
        catch (Exception)
        {
            // Whoever needs a group makes it, and is told why that cannot be done; no failure here is that of somebody's workflow.
            lock (gate)
            {
                (twice, ready) = (false, null);
            }

            Remove(folder);
            return null;
        }
    }

    /// <summary>Removes what one was made in. Nobody's workflow fails because that cannot be done.</summary>
    public static void Remove(string folder)
    {
        try
        {
            TreeRemoval.Remove(folder);
        }
        catch (Exception e) when (e is ContainerException or IOException or UnauthorizedAccessException)
        {
            // The next start removes it.
        }
    }

    private static async Task EndAsync(OciGroup group)
    {
        try
        {
            await group.DisposeAsync();
        }
        catch (ContainerException)
        {
            // What is left of it is the reaper's.
        }
    }

    // Looks now and then: a timer for each one would outlive those that were taken.
    private async Task EndUnwantedAsync()
    {
        using var timer = new PeriodicTimer(options.ReadyFor / 4);
        while (!closing.IsCancellationRequested)
        {
            await ((Task)timer.WaitForNextTickAsync(closing.Token).AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (TakeOlderThan(options.ReadyFor) is { } unwanted && await unwanted is { } group)
            {
                await EndAsync(group);
            }
        }
    }

    private Task<OciGroup?>? TakeOlderThan(TimeSpan age)
    {
        lock (gate)
        {
            var old = ready is { IsCompleted: true } && TimeProvider.System.GetElapsedTime(since) > age ? ready : null;
            ready = old is null ? ready : null;
            return old;
        }
    }

    /// <summary>What a workflow begins with.</summary>
    /// <param name="Group">Its group.</param>
    /// <param name="Container">Its first step's container.</param>
    internal sealed record Beginning(GroupPlan Group, ContainerSpec Container);
}
