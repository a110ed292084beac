using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>
/// At most one group that is not known yet: a holder that has taken its place on the host (number, user ids, network), and a shim. Making these is a good part of what a workflow waits for
/// before its first step can be made.
/// </summary>
/// <remarks>
/// It has no name, and nothing of it lies in a folder, a mount table or a cgroup. Both processes notice when this one ends, and end. What cannot be made ahead is made when it is needed,
/// which tells why it cannot.
/// </remarks>
/// <param name="sandboxPath">BuildRunner's helper.</param>
internal sealed class ReadyGroup(Func<string> sandboxPath) : IAsyncDisposable
{
    /// <summary>Where the host has room for fewer groups than this, none is held for later: somebody else may need the place.</summary>
    public const int FewestPlaces = 64;

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private Task<Parts?>? ready;
    private bool wanted;
    private bool closed;

    /// <summary>From now on one is kept ready.</summary>
    public void Keep(Func<PlaceSetup> place)
    {
        lock (gate)
        {
            wanted = true;
        }

        Refill(place);
    }

    /// <summary>Makes one elsewhere, unless there is one or none is wanted.</summary>
    public void Refill(Func<PlaceSetup> place)
    {
        lock (gate)
        {
            if (wanted && !closed)
            {
                ready ??= Task.Run(() => MakeAsync(place));
            }
        }
    }

    /// <summary>Hands it out, if there is one that lives and is what is wanted now. The caller disposes its parts.</summary>
    /// <param name="place">The place that the group shall have: since one was taken the host may have got IPv6, or lost it.</param>
    /// <param name="cancellationToken">Gives up; what is ready stays.</param>
    public async Task<Parts?> TakeAsync(PlaceSetup place, CancellationToken cancellationToken)
    {
        Task<Parts?>? taken;
        lock (gate)
        {
            taken = ready;
        }

        if (taken is null)
        {
            return null;
        }

        await ((Task)taken).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (!Forget(taken) || !taken.IsCompletedSuccessfully || await taken is not { } parts)
        {
            // Somebody else was faster, or it could not be made.
            return null;
        }

        if (!parts.Holder.HasEnded && parts.Place.IsAlsoFor(place))
        {
            return parts;
        }

        await parts.DisposeAsync();
        return null;
    }

    /// <summary>Ends it, and makes no other.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<Parts?>? left;
        lock (gate)
        {
            closed = true;
            (left, ready) = (ready, null);
        }

        if (left is null)
        {
            return;
        }

        await ((Task)left).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (left.IsCompletedSuccessfully && await left is { } parts)
        {
            await parts.DisposeAsync();
        }
    }

    private bool Forget(Task<Parts?> taken)
    {
        lock (gate)
        {
            if (ready != taken)
            {
                return false;
            }

            ready = null;
            return true;
        }
    }

    private async Task<Parts?> MakeAsync(Func<PlaceSetup> place)
    {
        try
        {
            var setup = place();
            if (setup.Slots < FewestPlaces)
            {
                return null;
            }

            var parts = new Parts(setup, SandboxProcess.Start(sandboxPath(), "group"), new SpareShim(sandboxPath()));
            parts.Shim.Refill();
            if (await parts.Holder.SendAsync(setup.Encode(), CancellationToken.None) && await parts.Holder.ReceiveAsync() is { Kind: (byte)HolderMessage.PlaceTaken })
            {
                return parts;
            }

            await parts.DisposeAsync();
            return null;
        }
        catch (ContainerException)
        {
            // Whoever needs a group makes it, and is told why that cannot be done.
            return null;
        }
    }

    /// <summary>What is ready.</summary>
    /// <param name="Place">The place that it was asked to take.</param>
    /// <param name="Holder">A holder that waits for its group.</param>
    /// <param name="Shim">A shim for the group's first container.</param>
    internal sealed record Parts(PlaceSetup Place, SandboxProcess Holder, SpareShim Shim) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Shim.DisposeAsync();
            await Holder.HangUpAsync();
            await Holder.WaitForExitAsync(EndLimit);
            await Holder.DisposeAsync();
        }
    }
}
