using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using Docker.DotNet.Models;
using ImageConfig = BuildRunner.Containers.Images.ImageConfig;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Finds out whether there is an engine that can be used, and which: what it says of itself, and then a container is started.</summary>
internal sealed class DockerProbe(Func<DockerConnection> connect, DockerEngineOptions options, IContainerEngine engine)
{
    private static readonly System.Version OldestApi = new(1, 41);

    public async Task<EngineReadiness> RunAsync(CancellationToken cancellationToken)
    {
        var checks = new List<ReadinessCheck> { Helper() };
        try
        {
            var connection = connect();
            checks.Add(await VersionAsync(connection, cancellationToken));
            if (checks.TrueForAll(c => c.Status != ReadinessStatus.Failed))
            {
                checks.AddRange(OfInfo(await connection.CallAsync("asking what the engine can", c => c.System.GetSystemInfoAsync(cancellationToken))));
                var hadImage = await CarrierImage.IsThereAsync(connection, cancellationToken);
                try
                {
                    checks.Add(await FilesAsync(connection, cancellationToken));
                    checks.Insert(0, await ContainerAsync(connection, cancellationToken));
                }
                finally
                {
                    await (hadImage ? Task.CompletedTask : CarrierImage.RemoveAsync(connection));
                }
            }
        }
        catch (ContainerException missing)
        {
            // That is the finding.
            checks.Insert(0, new ReadinessCheck("engine", ReadinessStatus.Failed, missing.Message, "start Docker or Podman, or set DOCKER_HOST"));
        }

        return new EngineReadiness(checks.TrueForAll(c => c.Status != ReadinessStatus.Failed), checks);
    }

    private static async Task<ReadinessCheck> VersionAsync(DockerConnection connection, CancellationToken cancellationToken)
    {
        var version = await connection.CallAsync("asking for the version", c => c.System.GetVersionAsync(cancellationToken));
        var product = version.Components?.FirstOrDefault()?.Name ?? "engine";
        var detail = $"{product} {version.Version}, API {version.APIVersion}, at {connection.Endpoint}";
        return System.Version.TryParse(version.APIVersion, out var api) && api >= OldestApi
            ? new ReadinessCheck("version", ReadinessStatus.Ok, detail)
            : new ReadinessCheck("version", ReadinessStatus.Failed, $"{detail}: too old", "install Docker Engine 20.10 or Podman 4");
    }

    /// <summary>What a step would lack without anybody noticing.</summary>
    private IEnumerable<ReadinessCheck> OfInfo(SystemInfoResponse info)
    {
        string[] missing = [.. Missing((info.MemoryLimit, "memory"), (info.CPUCfsQuota, "processors"), (info.PidsLimit, "processes"))];
        yield return missing.Length == 0
            ? new ReadinessCheck("limits", ReadinessStatus.Ok, "memory, processors, processes")
            : new ReadinessCheck("limits", ReadinessStatus.Warning, $"the engine cannot limit {string.Join(", ", missing)} here", "a rootless engine needs cgroup v2 and delegated controllers");
        if (options.HardenedIsWanted)
        {
            yield return new ReadinessCheck("hardened", ReadinessStatus.Failed, DockerEngine.NotHardened, "take --engine oci, or Engine:Hardened=never");
        }

        yield return LabelOf(options.Labels, info.SecurityOptions ?? []);
        if (info.SecurityOptions is { } security && !security.Any(s => s.Contains("seccomp", StringComparison.Ordinal)))
        {
            yield return new ReadinessCheck("system calls", ReadinessStatus.Warning, "the engine has no filter of system calls", "use one that was built with seccomp");
        }
    }

    /// <summary>Which security modules of the engine's host keep steps; what is set has to be among them.</summary>
    internal static ReadinessCheck LabelOf(SecurityLabels labels, IEnumerable<string> ofEngine)
    {
        string[] modules = [.. ofEngine.SelectMany(o => o.Split(',')).Where(p => p is "name=apparmor" or "name=selinux").Select(p => p == "name=apparmor" ? "AppArmor" : "SELinux")];
        return DockerSecurity.ProblemOf(labels, ofEngine) is { } problem ? new ReadinessCheck("label", ReadinessStatus.Failed, problem)
            : modules.Length == 0 ? new ReadinessCheck("label", ReadinessStatus.Ok, "the engine uses neither AppArmor nor SELinux")
            : new ReadinessCheck("label", ReadinessStatus.Ok, $"{string.Join(" and ", modules)}: {(DockerSecurity.OptionsOf(labels) is var set && set.Any() ? string.Join(", ", set) : "steps have the engine's own label")}");
    }

    private static IEnumerable<string> Missing(params (bool? Can, string What)[] limits) => limits.Where(l => l.Can == false).Select(l => l.What);

    private static async Task<ReadinessCheck> FilesAsync(DockerConnection connection, CancellationToken cancellationToken) => new(
        "files",
        ReadinessStatus.Ok,
        (await connection.SeesThisHostAsync(cancellationToken), connection.Options.IsRoot) switch
        {
            (true, true) => "the engine sees this host's files: workspaces are shared with it",
            (true, false) => "the engine sees this host's files, but what steps make is not this user's: workspaces are copied to it, and --in-place shares the tree",
            (false, _) => "the engine is elsewhere: workspaces are copied to it, and --in-place is not possible",
        });

    /// <summary>Everything at once: network, mounts, limits, profile, our program inside, and the way back from it.</summary>
    private async Task<ReadinessCheck> ContainerAsync(DockerConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            _ = ImageReference.TryParse(CarrierImage.Name, null, out var name, out _);
            var image = new ResolvedImage(name!, null, new ImageConfig()) { StoreId = await CarrierImage.EnsureAsync(connection, cancellationToken) };
            await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"doctor-{Guid.NewGuid():N}", Owner = "doctor" }, cancellationToken);
            await using var container = await group.PrepareAsync(new ContainerSpec { Name = "doctor", Image = image, WorkingDirectory = "/" }, cancellationToken);
            return new ReadinessCheck("engine", ReadinessStatus.Ok, "a container was started, with a network of its own and the security profile");
        }
        catch (ContainerException failure)
        {
            // That is the finding.
            return new ReadinessCheck("engine", ReadinessStatus.Failed, failure.Message);
        }
    }

    private ReadinessCheck Helper()
    {
        try
        {
            return new ReadinessCheck("helper", ReadinessStatus.Ok, SandboxPath.Find(options.SandboxProgram));
        }
        catch (ContainerException missing)
        {
            // That is the finding.
            return new ReadinessCheck("helper", ReadinessStatus.Failed, missing.Message, "build BuildRunner with ./buildrunner");
        }
    }
}
