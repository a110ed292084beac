using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Planning;

namespace BuildRunner.Agent.Steps;

/// <summary>Turns the plan of a step or service into the specification of its container.</summary>
internal static class StepContainer
{
    /// <summary>The specification, without the environment: that is completed when the container starts.</summary>
    /// <exception cref="ContainerException">The step asks for something that the policy refuses.</exception>
    public static ContainerSpec SpecOf(WorkflowJob job, StepPlan step, int attempt, ResolvedImage image, StepFiles? files)
    {
        if (step.Privileged && !job.Policy.AllowPrivileged)
        {
            throw Refused(step, "privileged: true", "Engine:AllowPrivileged", job.Policy.PrivilegedWithheld);
        }

        var script = step.Commands.Count > 0 && step.Entrypoint is null;
        return new ContainerSpec
        {
            Name = NameOf(job, step),
            Image = image,
            Entrypoint = script ? [StepScript.Shell, "-e", $"{InjectedFile.Root}/{StepScript.FileName}"] : step.Entrypoint,
            Environment = HomeOf(step, image),
            WorkingDirectory = step.Directory,
            User = step.User,
            Files = script ? [new InjectedFile(StepScript.FileName, StepScript.Of(step.Commands), Executable: true)] : [],
            Devices = [.. step.Devices.Select(d => Device(job, step, d))],
            HostMounts = [.. step.Volumes.Select(v => Volume(job, step, v)), .. files?.Mounts ?? []],
            Labels = Labels(job, step, attempt),
            Limits = new ResourceLimits(
                step.Resources.MemoryBytes ?? job.DefaultLimits.MemoryBytes,
                step.Resources.Cpus ?? job.DefaultLimits.Cpus,
                step.Resources.Pids ?? job.DefaultLimits.Pids),
            Network = step.Networked ? NetworkMode.Group : NetworkMode.None,
            Dns = step.Dns,
            DnsSearch = step.DnsSearch,
            ExtraHosts = step.ExtraHosts,
            HealthCheck = step.HealthCheck is { } check ? new HealthCheck(check.Test, check.Interval, check.Timeout, check.Retries, check.StartPeriod) : null,
            Privileged = step.Privileged,
            StopGrace = job.StopGrace,
            Deadline = step.Timeout is { } timeout ? timeout + job.StopGrace + TimeSpan.FromSeconds(30) : null,
        };
    }

    /// <summary>The container that brings the source into the workspace in place of a clone step's own: connected to nothing, and nothing of the step's in it.</summary>
    public static ContainerSpec SpecOf(ContainerSpec step, CheckoutContainer checkout) => step with
    {
        Entrypoint = checkout.Command,
        Command = null,
        Environment = checkout.Environment,
        WorkingDirectory = null,
        User = null,
        Files = checkout.Files,
        HostMounts = checkout.Mounts,
        Devices = [],
        Network = NetworkMode.None,
        Privileged = false,
    };

    // A service keeps its name, by which others reach it; a step of the same name gives way.
    private static string NameOf(WorkflowJob job, StepPlan step) =>
        step.Kind != StepKind.Service && job.Plan.Services.Any(s => s.Name == step.Name) ? $"{step.Name}-step" : step.Name;

    private static Dictionary<string, string> HomeOf(StepPlan step, ResolvedImage image)
    {
        var user = step.User ?? image.Config.User ?? "root";
        var isRoot = user.Split(':')[0] is "root" or "0" or "";
        return isRoot && !image.Config.Environment.Any(e => e.Key == "HOME") ? new() { ["HOME"] = "/root" } : [];
    }

    private static Dictionary<string, string> Labels(WorkflowJob job, StepPlan step, int attempt) => new()
    {
        [ContainerLabels.Run] = job.Run.ToString(),
        [ContainerLabels.Workflow] = job.Plan.Name,
        [ContainerLabels.Step] = step.Name,
        [ContainerLabels.Attempt] = $"{attempt}",
        [ContainerLabels.StepType] = StepEnvironment.TypeOf(step),
    };

    private static HostMount Volume(WorkflowJob job, StepPlan step, string volume)
    {
        var parts = volume.Split(':');
        if (parts.Length is < 2 or > 3 || !Path.IsPathRooted(parts[0]) || !Path.IsPathRooted(parts[1]))
        {
            throw new ContainerException(
                ContainerFailure.InvalidSpec,
                $"step '{step.Name}' has the volume '{volume}', which is not SOURCE:TARGET or SOURCE:TARGET:ro with absolute paths");
        }

        // Links count as what they lead to: one in an allowed directory allows nothing outside of it.
        var source = HostPath.WithoutLinks(Path.GetFullPath(parts[0]));
        var allowed = job.Policy.AllowedVolumes.Select(r => HostPath.WithoutLinks(Path.GetFullPath(r))).Any(root => HostPath.IsAtOrBelow(source, root));
        return allowed
            ? new HostMount(source, Path.GetFullPath(parts[1]), parts.Length == 3 && parts[2].Split(',').Contains("ro"))
            : throw Refused(step, $"the volume '{volume}'", "Engine:AllowedVolumes", job.Policy.VolumesWithheld);
    }

    private static HostDevice Device(WorkflowJob job, StepPlan step, string text)
    {
        if (!DeviceRequest.TryParse(text, out var device, out var problem))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"step '{step.Name}' has the device '{text}', which {problem}");
        }

        // As with volumes: a link counts as what it leads to.
        var source = HostPath.WithoutLinks(device.Source);
        return job.Policy.AllowedDevices.Any(allowed => AllowedDevice.Covers(allowed, source))
            ? new HostDevice(source, device.Target, device.Access)
            : throw Refused(step, $"the device '{text}'", "Engine:AllowedDevices", job.Policy.DevicesWithheld);
    }

    private static ContainerException Refused(StepPlan step, string what, string setting, string? withheld) => new(
        ContainerFailure.AccessDenied,
        $"step '{step.Name}' asks for {what}, which is not allowed here ({step.Location}); "
        + (withheld is not null ? $"the setting {setting} does not count, because {withheld}" : $"who runs this machine can allow it with the setting {setting}"));
}
