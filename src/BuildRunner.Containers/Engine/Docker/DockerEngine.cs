using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A Docker Engine (API 1.41 and later) or Podman's compatible service, through its API.</summary>
/// <remarks>
/// Every container is started with a waiter of ours as its first process, which holds no user code until it is told "go". It ends the
/// container when its caller is gone, so a crash leaves nothing running; what it leaves otherwise is removed by <see cref="ReapAsync"/>.
/// </remarks>
public sealed class DockerEngine : IContainerEngine
{
    /// <summary>Why no workflow has the profile <c>hardened</c> here, as a clause: its list of destinations is kept by rules of the packet filter on the engine's host.</summary>
    internal const string NotHardened = "the profile hardened (Engine:Hardened) is kept by the engine oci only, because this one can keep no list of what may be reached";

    private readonly DockerEngineOptions options;
    private readonly TimeProvider time;
    private readonly Func<string, string?> environment;
    private readonly Lazy<DockerConnection> connection;

    /// <summary>Creates the engine; nothing is looked for yet.</summary>
    public DockerEngine(DockerEngineOptions options, TimeProvider time)
        : this(options, time, Environment.GetEnvironmentVariable)
    {
    }

    /// <param name="options">How to use it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="environment">Reads the variables by which it is found.</param>
    internal DockerEngine(DockerEngineOptions options, TimeProvider time, Func<string, string?> environment)
    {
        this.environment = environment;
        this.options = options;
        this.time = time;
        connection = new Lazy<DockerConnection>(Connect);
        Kept = new KeptContainers(Path.Combine(options.ScratchDirectory, ".kept"), ForgetAsync);
    }

    /// <inheritdoc/>
    public string Name => "docker";

    /// <inheritdoc/>
    public KeptContainers Kept { get; }

    /// <inheritdoc/>
    /// <remarks>A waiting container takes about 10 MB of the engine's host, and none of its processors.</remarks>
    public int PreparedAhead => 3;

    /// <inheritdoc/>
    public Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken) => new DockerProbe(() => connection.Value, options, this).RunAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<ResolvedImage> PullAsync(
        ImageReference image,
        PullOptions options,
        IProgress<PullProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(options);
        var pulled = this.options.PulledImagesFile is { } file ? new PulledImages(file, connection.Value.Endpoint.Address.OriginalString, time) : null;
        Task<RegistryCredentials?> LoginAsync(ImageReference of, CancellationToken stop) => FindCredentialsAsync(of, options, stop);
        var access = pulled is null ? null : new PrivateImages(pulled, connection.Value.Options.Registries, LoginAsync, time);
        var images = new DockerImages(connection.Value.Endpoint, connection.Value.Client, new DockerArchives(connection.Value), LoginAsync, pulled, access);
        var resolved = await images.ResolveAsync(image, options.Policy, progress, cancellationToken);
        if (pulled is { HasGrown: true } && this.options.MostImageBytes is { } most)
        {
            await new PulledImagesRoom(connection.Value, pulled, most).MakeAsync(cancellationToken);
        }

        return resolved;
    }

    /// <summary>The images in the engine's store. Disposing them disposes this engine as well.</summary>
    public IImageLibrary OpenImages() => new DockerLibrary(this, () => connection.Value, FindLoginAsync);

    /// <inheritdoc/>
    /// <remarks>By the engine's own builder; what did not change since the last time is not built again.</remarks>
    public Task<ResolvedImage> BuildAsync(ImageBuild build, Action<string>? output, CancellationToken cancellationToken) =>
        new DockerBuild(connection.Value, (image, stop) => FindCredentialsAsync(image, new PullOptions(), stop), build, output).RunAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        Names.CheckGroup(spec.Id);
        if (spec.Limits.DiskBytes is { } disk)
        {
            throw new ContainerException(
                ContainerFailure.InvalidSpec, $"The engine docker cannot limit a workflow to {disk >> 20} MiB of disk (resources: disk, or Engine:WorkflowDisk); the engine oci can. Use that, or give no limit.");
        }

        if (spec.Hardened)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"No container is made: {NotHardened}.");
        }

        await DemandLabelsAsync(cancellationToken);
        var directories = GroupDirectories.Of(spec.Id, options.ScratchDirectory);
        var alive = directories.Create();
        GroupStore? store = null;
        Task<NetworksCreateResponse>? network = null;
        try
        {
            network = CreateNetworkAsync(spec, directories, cancellationToken);
            store = await GroupStore.CreateAsync(connection.Value, spec, directories, cancellationToken);
            return new DockerGroup(connection.Value, spec, directories, alive, (await network).ID, store, Kept);
        }
        catch
        {
            await (store?.DisposeAsync() ?? ValueTask.CompletedTask);
            await RemoveNetworkAsync(network);
            directories.Remove();
            await alive.DisposeAsync();
            File.Delete(directories.LockFile);
            throw;
        }
    }

    /// <summary>What settings name is given or nothing is; the engine itself might leave it out.</summary>
    private async Task DemandLabelsAsync(CancellationToken cancellationToken)
    {
        if (options.Labels == new SecurityLabels())
        {
            return;
        }

        var info = await connection.Value.CallAsync("asking what the engine can", c => c.System.GetSystemInfoAsync(cancellationToken));
        if (DockerSecurity.ProblemOf(options.Labels, info.SecurityOptions ?? []) is { } problem)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, $"No container is made: {problem}.");
        }
    }

    private Task<NetworksCreateResponse> CreateNetworkAsync(GroupSpec spec, GroupDirectories directories, CancellationToken cancellationToken)
    {
        var parameters = new NetworksCreateParameters
        {
            Name = $"buildrunner-{spec.Id}",
            Driver = "bridge",
            Labels = DockerLabels.OfGroup(spec, directories),
        };
        return connection.Value.CallAsync("creating the workflow's network", c => c.Networks.CreateNetworkAsync(parameters, cancellationToken));
    }

    /// <summary>Removes the network of a group that did not come to be.</summary>
    private async Task RemoveNetworkAsync(Task<NetworksCreateResponse>? network)
    {
        try
        {
            if (network is not null)
            {
                var made = await network;
                await connection.Value.CallAsync("removing the workflow's network", c => c.Networks.DeleteNetworkAsync(made.ID));
            }
        }
        catch (Exception other) when (other is ContainerException or OperationCanceledException)
        {
            // Why the group did not come to be is told already; what is left, ReapAsync finds.
        }
    }

    /// <inheritdoc/>
    public async Task<int> ReapAsync(string owner, CancellationToken cancellationToken)
    {
        var removed = await new DockerReaper(connection.Value).ReapAsync(owner, cancellationToken);
        Kept.RemoveTorn(group => File.Exists(GroupDirectories.Of(group, options.ScratchDirectory).LockFile));
        return removed;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (connection.IsValueCreated)
        {
            connection.Value.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The engine pulls with the caller's credentials, which it does not keep.</summary>
    private async Task<AuthConfig?> FindLoginAsync(ImageReference image, CancellationToken cancellationToken) =>
        await FindCredentialsAsync(image, new PullOptions(), cancellationToken) is { } found ? LoginOf(image, found) : null;

    private async Task<RegistryCredentials?> FindCredentialsAsync(ImageReference image, PullOptions pull, CancellationToken cancellationToken) =>
        pull.Credentials ?? (pull.UseCredentialFiles ? await new CredentialFiles(options.Registries).FindAsync(image.Registry, image.Repository, cancellationToken) : null);

    private async Task ForgetAsync(KeptContainer kept, CancellationToken cancellationToken)
    {
        try
        {
            // By its name, and without the images that it was made from: an image that somebody has given another one (image commit) stays under that.
            await connection.Value.CallAsync(
                $"removing the image of the kept container {kept.Id}",
                c => c.Images.DeleteImageAsync($"{GroupKeeping.Repository}:{kept.Id}", new ImageDeleteParameters { Force = true, NoPrune = true }, cancellationToken));
        }
        catch (ContainerException missing) when (missing.Reason == ContainerFailure.ImageNotFound)
        {
            // Somebody else has removed it.
        }
    }

    /// <summary>Credentials as the engine wants them.</summary>
    internal static AuthConfig LoginOf(ImageReference image, RegistryCredentials credentials) => credentials.User is null
        ? new AuthConfig { ServerAddress = image.Registry, IdentityToken = credentials.Secret }
        : new AuthConfig { ServerAddress = image.Registry, Username = credentials.User, Password = credentials.Secret };

    private DockerConnection Connect()
    {
        var endpoint = new DockerEndpointSearch(environment, File.Exists, path => Libc.Access(path, Libc.AccessWrite) == 0).Find(options.Host);
        return new DockerConnection(endpoint, endpoint.CreateClient(), options, time);
    }
}
