using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Planning;

namespace BuildRunner.Agent.Steps;

/// <summary>A step whose image is here and whose container waits for "go".</summary>
/// <param name="Container">The container.</param>
/// <param name="Image">Its image.</param>
/// <param name="Outputs">Its outputs file.</param>
/// <param name="Pull">How long the image took.</param>
/// <param name="Create">How long the container took.</param>
internal sealed record PreparedStep(IPreparedContainer Container, ResolvedImage Image, OutputsFile Outputs, TimeSpan Pull, TimeSpan Create) : IAsyncDisposable
{
    /// <summary>Fetches the image and makes the container.</summary>
    /// <exception cref="ContainerException">It could not be done, or is not allowed.</exception>
    public static async Task<PreparedStep> MakeAsync(
        AgentContext agent,
        IContainerGroup group,
        WorkflowJob job,
        StepPlan step,
        int attempt,
        CancellationToken cancellationToken)
    {
        var begin = agent.Time.GetTimestamp();
        var image = await agent.Images.ResolveAsync(step.Image, step.AlwaysPull, job.Policy, cancellationToken);
        var pulled = agent.Time.GetElapsedTime(begin);
        var outputs = OutputsFile.Create(job.ScratchDirectory);
        try
        {
            var container = await group.PrepareAsync(StepContainer.SpecOf(job, step, attempt, image, outputs.Path), cancellationToken);
            return new PreparedStep(container, image, outputs, pulled, agent.Time.GetElapsedTime(begin) - pulled);
        }
        catch
        {
            outputs.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Container.DisposeAsync();
        Outputs.Dispose();
    }
}
