namespace BuildRunner.EndToEnd.Tests.Deploying;

/// <summary>The compose file of <c>deploy/</c>: in each profile a run goes through its clone, which nobody wrote, and a step.</summary>
public sealed class Compose_profiles
{
    [Fact(Explicit = true)]
    public async Task Single_serves_and_runs_what_it_cloned()
    {
        await using var composition = await Composition.PrepareAsync("single", "single");
        await composition.BuildLastStageAsync();
        await composition.ComposeAsync("up", "-d");
        await composition.HealthyAsync("single");
        await composition.RunPipelineAsync("single");
    }
}
