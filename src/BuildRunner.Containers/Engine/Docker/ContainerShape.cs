using System.Text;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Engine.Oci;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>What the engine is told about a container. The command is not in here: the waiter gets it with "go".</summary>
internal static class ContainerShape
{
    /// <summary>The request that creates the container.</summary>
    /// <param name="name">Its name on the engine.</param>
    /// <param name="spec">What was asked for.</param>
    /// <param name="labels">By which it is found again.</param>
    /// <param name="mounts">What is mounted.</param>
    /// <param name="files">How it gets its waiter.</param>
    /// <param name="limits">Its limits.</param>
    /// <param name="network">How it is connected.</param>
    /// <param name="systemCalls">The profile of system calls, or where the engine finds it; null: the engine's own.</param>
    /// <param name="moduleLabels">The labels of the security modules of the engine's host.</param>
    public static CreateContainerParameters Of(
        string name,
        ContainerSpec spec,
        Dictionary<string, string> labels,
        IReadOnlyList<Mount> mounts,
        IContainerFiles files,
        ResourceLimits limits,
        ContainerNetwork network,
        string? systemCalls,
        SecurityLabels moduleLabels)
    {
        var host = new HostConfig
        {
            NetworkMode = network.Mode,
            Mounts = [.. mounts],
            Tmpfs = files.Memory.ToDictionary(),
            LogConfig = new LogConfig { Type = "none" },
            IpcMode = "private",
            Init = false,
            Memory = limits.MemoryBytes ?? 0,
            MemorySwap = limits.MemoryBytes ?? 0,
            NanoCPUs = (long)((limits.Cpus ?? 0) * 1e9),
            PidsLimit = limits.Pids,
            Devices = [.. spec.Devices.Select(d => new DeviceMapping { PathOnHost = d.Source, PathInContainer = d.Target, CgroupPermissions = d.Access })],
        };
        DockerSecurity.Apply(host, spec, systemCalls, moduleLabels);
        var parameters = new CreateContainerParameters
        {
            Name = name,
            Image = ImageOf(spec.From) ?? spec.Image.StoreId ?? DockerImages.NameOf(spec.Image.Reference),
            Entrypoint = [.. files.Waiter],
            Cmd = [],
            User = "0:0",
            WorkingDir = "/",
            StopSignal = "SIGKILL",
            Labels = labels,
            HostConfig = host,
            OpenStdin = files.UsesStandardStreams,
            StdinOnce = files.UsesStandardStreams,
            AttachStdin = files.UsesStandardStreams,
            AttachStdout = files.UsesStandardStreams,
            AttachStderr = files.UsesStandardStreams,
            Healthcheck = new HealthcheckConfig { Test = ["NONE"] },
        };
        network.Apply(parameters, host, spec);
        return parameters;
    }

    private static string? ImageOf(KeptContainer? kept) => kept is null ? null : kept.StoreImage ?? throw new ContainerException(
        ContainerFailure.InvalidSpec,
        $"the container {kept.Id} was kept by the engine {kept.Engine}, and this one cannot start from it");

    /// <summary>A name that an engine accepts for a container.</summary>
    public static string NameOf(string groupId, string name, int number)
    {
        var text = new StringBuilder($"buildrunner-{groupId}-");
        foreach (var c in name)
        {
            text.Append(char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' ? c : '_');
        }

        return text.Append('-').Append(number).ToString();
    }
}

/// <summary>How a container is connected.</summary>
internal abstract record ContainerNetwork
{
    private ContainerNetwork()
    {
    }

    /// <summary>The engine's <c>NetworkMode</c>.</summary>
    public abstract string Mode { get; }

    /// <summary>Completes the request that creates the container.</summary>
    public abstract void Apply(CreateContainerParameters parameters, HostConfig host, ContainerSpec spec);

    /// <summary>An own connection to the group's network, or only loopback.</summary>
    /// <param name="Network">The network's id, or <c>none</c>.</param>
    public sealed record Own(string Network) : ContainerNetwork
    {
        public override string Mode => Network;

        public override void Apply(CreateContainerParameters parameters, HostConfig host, ContainerSpec spec)
        {
            parameters.Hostname = Names.HostName(spec.Name);
            host.DNS = [.. spec.Dns];
            host.DNSSearch = [.. spec.DnsSearch];
            if (Network != "none")
            {
                parameters.NetworkingConfig = new NetworkingConfig
                {
                    EndpointsConfig = new Dictionary<string, EndpointSettings> { [Network] = new() { Aliases = [spec.Name] } },
                };
            }
        }
    }

    /// <summary>The connection of another container, which does nothing but hold it.</summary>
    public sealed record Joined(string Container) : ContainerNetwork
    {
        public override string Mode => $"container:{Container}";

        public override void Apply(CreateContainerParameters parameters, HostConfig host, ContainerSpec spec)
        {
            // Names and name servers are the other container's.
        }
    }
}
