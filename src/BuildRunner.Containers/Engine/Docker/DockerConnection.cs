using BuildRunner.Containers.Engine.Oci;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>An engine that was found, and how to talk to it.</summary>
internal sealed record DockerConnection(DockerEndpoint Endpoint, DockerClient Client, DockerEngineOptions Options, TimeProvider Time) : IDisposable
{
    private readonly Lazy<string> sandbox = new(() => SandboxPath.Find(Options.SandboxProgram));

    private readonly Lazy<Task<bool>> podman = new(() => IsPodmanAsync(Endpoint, Client));

    /// <summary>True: Podman answers behind Docker's API, and takes the profile of system calls as a file's path.</summary>
    public Task<bool> IsPodman => podman.Value;

    private readonly Lazy<HttpClient> http = new(Endpoint.CreateHttpClient);

    private readonly Lock gate = new();
    private Task<bool>? seesThisHost;

    /// <summary>True: a path means the same file for the engine and for us. Found out once.</summary>
    public Task<bool> SeesThisHostAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            return seesThisHost is { IsFaulted: false, IsCanceled: false } known ? known : seesThisHost = EnginePlace.SeesThisHostAsync(this, cancellationToken);
        }
    }

    /// <summary>Our helper on this host.</summary>
    public string SandboxProgram => sandbox.Value;

    /// <summary>Which system calls steps may make, as Docker's API takes it.</summary>
    public string SystemCallProfile => DockerSecurity.SystemCallProfile(Options.Allow32Bit);

    /// <summary>Makes a call and turns its failures into ours.</summary>
    public Task<T> CallAsync<T>(string what, Func<DockerClient, Task<T>> call) => Endpoint.CallAsync(what, () => call(Client));

    /// <summary>Waits a while until a container that is about to end has. Podman looks only now and then, and is not asked.</summary>
    public async Task WaitUntilEndedAsync(string id)
    {
        if (await IsPodman)
        {
            return;
        }

        using var limit = new CancellationTokenSource(EndLimit, Time);
        try
        {
            await Client.Containers.WaitContainerAsync(id, limit.Token);
        }
        catch (Exception unknown) when (unknown is DockerApiException or HttpRequestException or IOException or OperationCanceledException or TimeoutException)
        {
            // It is gone already, or stays: its removal tells.
        }
    }

    /// <summary>Removes a container with its volumes, whatever it does; one that is gone already is fine.</summary>
    public async Task RemoveContainerAsync(string id, string name, CancellationToken cancellationToken)
    {
        var how = new ContainerRemoveParameters { Force = true, RemoveVolumes = true };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await CallAsync($"removing the container '{name}'", c => c.Containers.RemoveContainerAsync(id, how, cancellationToken));
                return;
            }
            catch (ContainerException missing) when (missing.InnerException is DockerContainerNotFoundException)
            {
                return;
            }
            catch (ContainerException busy) when (attempt < RemovalAttempts && IsEnding(busy.Message))
            {
                // It ended by itself while the engine was about to end it, or is being removed: both pass.
                await Task.Delay(attempt * RemovalPause, Time, cancellationToken);
            }
        }
    }

    /// <summary>The standard streams of a container that was created, as the engine frames them. The caller disposes the stream.</summary>
    public Task<Stream> AttachAsync(string containerId, CancellationToken cancellationToken) => Endpoint.CallAsync("attaching to a container", async () =>
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"containers/{containerId}/attach?stream=1&stdin=1&stdout=1&stderr=1");
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new("tcp"));
        var answer = await http.Value.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return answer.StatusCode == System.Net.HttpStatusCode.SwitchingProtocols
            ? await answer.Content.ReadAsStreamAsync(cancellationToken)
            : throw new DockerApiException(answer.StatusCode, await answer.Content.ReadAsStringAsync(cancellationToken));
    });

    public void Dispose()
    {
        Client.Dispose();
        if (http.IsValueCreated)
        {
            http.Value.Dispose();
        }
    }

    /// <summary>Removes a volume; one that is not there is fine.</summary>
    public async Task RemoveVolumeAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await CallAsync($"removing the volume '{name}'", c => c.Volumes.RemoveAsync(name, false, cancellationToken));
        }
        catch (ContainerException missing) when (missing.InnerException is DockerApiException { StatusCode: System.Net.HttpStatusCode.NotFound })
        {
            // It did not come to be, or is gone.
        }
    }

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(5);

    private const int RemovalAttempts = 20;
    private static readonly TimeSpan RemovalPause = TimeSpan.FromMilliseconds(25);

    private static bool IsEnding(string message) =>
        message.Contains("state improper", StringComparison.Ordinal)
        || message.Contains("is not running", StringComparison.Ordinal)
        || message.Contains("could not be stopped", StringComparison.Ordinal)
        || message.Contains("already in progress", StringComparison.Ordinal)
        || message.Contains("dependent containers", StringComparison.Ordinal);

    private static async Task<bool> IsPodmanAsync(DockerEndpoint endpoint, DockerClient client)
    {
        var version = await endpoint.CallAsync("asking for the engine's version", () => client.System.GetVersionAsync(CancellationToken.None));
        return version.Components?.Any(c => c.Name?.Contains("Podman", StringComparison.Ordinal) ?? false) ?? false;
    }

    /// <inheritdoc cref="CallAsync{T}"/>
    public Task CallAsync(string what, Func<DockerClient, Task> call) => Endpoint.CallAsync(what, () => call(Client));
}
