using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Agent.Steps;

/// <summary>A step whose image is here and whose container waits for "go".</summary>
/// <param name="Container">The container.</param>
/// <param name="Image">Its image.</param>
/// <param name="Files">The files that it writes to.</param>
/// <param name="Pull">How long the image took.</param>
/// <param name="Create">How long the container took.</param>
internal sealed record PreparedStep(IPreparedContainer Container, ResolvedImage Image, StepFiles Files, TimeSpan Pull, TimeSpan Create) : IAsyncDisposable
{
    /// <summary>Fetches or builds the image and makes the container.</summary>
    /// <exception cref="ContainerException">It could not be done, or is not allowed.</exception>
    public static async Task<PreparedStep> MakeAsync(
        AgentContext agent,
        IContainerGroup group,
        WorkflowJob job,
        StepAttempt attempt,
        CheckoutContainer? checkout,
        Action<string>? buildOutput,
        CancellationToken cancellationToken)
    {
        var step = attempt.Step;
        var begin = agent.Time.GetTimestamp();
        var image = checkout is null
            ? await agent.Images.ResolveAsync(step, attempt.PinnedDigest, group.OpenWorkspaceAsync, job.Policy, buildOutput, cancellationToken)
            : await agent.Images.ResolveAsync(checkout.Image, always: false, StepPolicy.OfAgent, cancellationToken);
        var pulled = agent.Time.GetElapsedTime(begin);
        var record = job.Records?.Make(step, attempt.Number);
        var outputs = record is null ? OutputsFile.Create(job.ScratchDirectory) : OutputsFile.CreateKept(job.Records!.OutputsOf(step.Name, attempt.Number));
        var files = StepFiles.Create(job.ScratchDirectory, outputs);
        try
        {
            var spec = StepContainer.SpecOf(job, step, attempt.Number, image, files) with { Record = record, MayBeKept = job.Keep.Wants(step) };
            var container = await group.PrepareAsync(checkout is null ? spec : StepContainer.SpecOf(spec, checkout), cancellationToken);
            return new PreparedStep(container, image, files, pulled, agent.Time.GetElapsedTime(begin) - pulled);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Container.DisposeAsync();
        Files.Dispose();
    }
}
