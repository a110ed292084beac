using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Talks to a group's holder: one request, one answer, in turn.</summary>
internal sealed class GroupHolderClient : IAsyncDisposable
{
    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(60);

    private readonly SandboxProcess _process;
    private readonly SemaphoreSlim _turn = new(1);

    private GroupHolderClient(SandboxProcess process, HolderReady ready)
    {
        _process = process;
        Ready = ready;
    }

    public HolderReady Ready { get; private set; }

    /// <summary>True: it runs no more.</summary>
    public bool HasEnded => _process.HasEnded;

    public int ProcessId => _process.Id;

    /// <summary>Has a holder set the group up.</summary>
    /// <param name="ready">One that has taken its place already; null, or it is gone: a new one is started.</param>
    /// <param name="sandboxPath">BuildRunner's helper.</param>
    /// <param name="setup">The group.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<GroupHolderClient> StartAsync(SandboxProcess? ready, string sandboxPath, GroupSetup setup, CancellationToken cancellationToken)
    {
        var process = ready ?? SandboxProcess.Start(sandboxPath, "group");
        try
        {
            if (!await process.SendAsync(setup.Encode(), cancellationToken) && ready is not null)
            {
                // It was gone before it heard of the group, so nothing of the group is there.
                await process.DisposeAsync();
                process = SandboxProcess.Start(sandboxPath, "group");
                await process.SendAsync(setup.Encode(), cancellationToken);
            }

            var answer = await process.ReceiveAsync() ?? throw Gone(setup.GroupId);
            return new GroupHolderClient(process, HolderReady.Decode(Checked(answer, HolderMessage.Ready)));
        }
        catch
        {
            // Not set up: nobody else can end it.
            await process.HangUpAsync();
            await process.WaitForExitAsync(CloseLimit);
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has it see to it that the host's rules are in force as they are meant now: the group may have waited long.</summary>
    public async Task RenewAsync(PlaceSetup place, CancellationToken cancellationToken) =>
        Ready = HolderReady.Decode(await AskAsync(place.EncodeRenewal(), HolderMessage.Ready, cancellationToken));

    public async Task<IReadOnlyList<string>> AddLayerAsync(LayerRequest request, CancellationToken cancellationToken) =>
        LayerAdded.Decode(await AskAsync(request.Encode(), HolderMessage.LayerAdded, cancellationToken)).Layers;

    /// <summary>Makes a container's network; returns the path of its namespace.</summary>
    public async Task<string> AddNetworkAsync(NetworkRequest request, CancellationToken cancellationToken) =>
        TextMessage.Decode(await AskAsync(request.Encode(), HolderMessage.NetworkAdded, cancellationToken));

    public Task RemoveNetworkAsync(string container, CancellationToken cancellationToken) =>
        AskAsync(TextMessage.Encode(HolderMessage.RemoveNetwork, container), HolderMessage.NetworkRemoved, cancellationToken);

    /// <summary>Has the changes of the workspace put elsewhere when the group is removed.</summary>
    public Task KeepWorkspaceAsync(string target, CancellationToken cancellationToken) =>
        AskAsync(TextMessage.Encode(HolderMessage.KeepWorkspace, target), HolderMessage.WorkspaceKept, cancellationToken);

    /// <summary>Removes the group, and waits until it is gone. Its shims must have been told to end.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.HangUpAsync();
        await _process.WaitForExitAsync(CloseLimit);
        await _process.DisposeAsync();
        _turn.Dispose();
    }

    private async Task<Frame> AskAsync(byte[] request, HolderMessage expected, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await _process.SendAsync(request, CancellationToken.None);
            return Checked(await _process.ReceiveAsync() ?? throw Gone("?"), expected);
        }
        finally
        {
            _turn.Release();
        }
    }

    private static Frame Checked(Frame answer, HolderMessage expected) => answer.Kind switch
    {
        Failure.FrameKind => throw Failures.ToException(Failure.Decode(answer)),
        var kind when kind == (byte)expected => answer,
        var kind => throw new ContainerException(ContainerFailure.Internal, $"The group's holder answered {kind} where {expected} was expected."),
    };

    private static ContainerException Gone(string group) =>
        new(ContainerFailure.Lost, $"The process that holds the group {group} together has ended.", isTransient: true);
}
