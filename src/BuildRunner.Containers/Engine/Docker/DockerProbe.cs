using BuildRunner.Containers.Engine.Oci;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Finds out whether there is an engine that can be used, and which.</summary>
internal sealed class DockerProbe(Func<DockerConnection> connect, DockerEngineOptions options)
{
    private static readonly Version OldestApi = new(1, 41);

    public async Task<EngineReadiness> RunAsync(CancellationToken cancellationToken)
    {
        var checks = new List<ReadinessCheck>();
        try
        {
            var connection = connect();
            var version = await connection.CallAsync("asking for the version", c => c.System.GetVersionAsync(cancellationToken));
            var product = version.Components?.FirstOrDefault()?.Name ?? "engine";
            var detail = $"{product} {version.Version}, API {version.APIVersion}, at {connection.Endpoint}";
            checks.Add(Version.TryParse(version.APIVersion, out var api) && api >= OldestApi
                ? new ReadinessCheck("engine", ReadinessStatus.Ok, detail)
                : new ReadinessCheck("engine", ReadinessStatus.Failed, $"{detail}: too old", "install Docker Engine 20.10 or Podman 4"));
        }
        catch (ContainerException missing)
        {
            checks.Add(new ReadinessCheck("engine", ReadinessStatus.Failed, missing.Message, "start Docker or Podman, or set DOCKER_HOST"));
        }

        try
        {
            checks.Add(new ReadinessCheck("helper", ReadinessStatus.Ok, SandboxPath.Find(options.SandboxProgram)));
        }
        catch (ContainerException missing)
        {
            checks.Add(new ReadinessCheck("helper", ReadinessStatus.Failed, missing.Message, "build BuildRunner with ./buildrunner"));
        }

        return new EngineReadiness(checks.TrueForAll(c => c.Status != ReadinessStatus.Failed), checks);
    }
}
