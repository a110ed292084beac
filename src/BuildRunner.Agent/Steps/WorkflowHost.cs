using BuildRunner.Agent.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>What a workflow has on this host while it lives: its group, its services, and what was prepared ahead.</summary>
internal sealed class WorkflowHost(AgentContext agent, WorkflowJob job, Masker masker) : IAsyncDisposable
{
    private readonly List<HostedService> services = [];
    private IContainerGroup? group;
    private PreparedSteps? ahead;

    /// <summary>The group; there once <see cref="OpenAsync"/> has made it.</summary>
    public IContainerGroup Group => group ?? throw new InvalidOperationException($"workflow '{job.Plan.Name}' has no group");

    /// <summary>What is prepared ahead.</summary>
    public PreparedSteps Ahead => ahead ?? throw new InvalidOperationException($"workflow '{job.Plan.Name}' has no group");

    /// <summary>Makes the group and starts the services, all at once, and waits until each is ready.</summary>
    /// <exception cref="ContainerException">Something of it could not be done; <see cref="CloseAsync"/> removes the rest.</exception>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        var spec = new GroupSpec
        {
            Id = job.GroupId,
            Owner = job.Owner,
            Workspace = job.Workspace,
            Limits = LimitsOf(job),
            Hardened = job.Hardened,
            StepsAtOnce = Lookahead.Width(job.Plan),
            Labels = new Dictionary<string, string> { [ContainerLabels.Run] = job.Run.ToString(), [ContainerLabels.Workflow] = job.Plan.Name },
        };
        group = await agent.Engine.CreateGroupAsync(spec, cancellationToken);
        ahead = new PreparedSteps(agent, group, job);
        services.AddRange(job.Plan.Services.Where(s => s.SkipReason is null).Select(s => new HostedService(agent, group, job, s, masker)));
        await Task.WhenAll(services.Select(s => s.StartAsync(cancellationToken)));
    }

    /// <summary>Ends services and group. Everything that can be ended is, before the first problem is told.</summary>
    public async Task CloseAsync()
    {
        if (group is not null && job.BeforeRelease is { } before)
        {
            // First the services: whoever looks at the workspace must not race with somebody who still writes to it.
            await Task.WhenAll(services.Select(s => s.DisposeAsync().AsTask()));
            await before(await group.OpenWorkspaceAsync(CancellationToken.None), CancellationToken.None);
        }

        await DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref group, null) is not { } there)
        {
            return;
        }

        try
        {
            await Task.WhenAll(services.Select(s => s.DisposeAsync().AsTask()));
        }
        finally
        {
            try
            {
                await Ahead.DisposeAsync();
            }
            finally
            {
                await there.DisposeAsync();
            }
        }
    }

    private static ResourceLimits LimitsOf(WorkflowJob job)
    {
        var plan = job.Plan.Resources;
        return job.MostDiskBytes is { } most && plan.DiskBytes > most
            ? throw new ContainerException(
                ContainerFailure.InvalidSpec,
                $"The workflow '{job.Plan.Name}' asks for a disk of {plan.DiskBytes >> 20} MiB (resources: disk), and this machine gives a workflow {most >> 20} MiB (Engine:WorkflowDisk).")
            : new ResourceLimits(plan.MemoryBytes, plan.Cpus, plan.Pids, plan.DiskBytes ?? job.MostDiskBytes);
    }
}

/// <summary>One service of a workflow.</summary>
internal sealed class HostedService(AgentContext agent, IContainerGroup group, WorkflowJob job, StepPlan plan, Masker masker) : IAsyncDisposable
{
    private readonly IStepLog log = agent.NewLog(job.Plan.Name, plan.Name, 1, masker);
    private IRunningService? service;
    private Task watch = Task.CompletedTask;
    private bool stopping;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="ContainerException">It could not be started, or did not become healthy.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var image = await agent.Images.ResolveAsync(plan, null, group.OpenWorkspaceAsync, job.Policy, null, cancellationToken);
        var attempt = new StepAttempt(plan, 1, agent.Time.GetUtcNow(), null, WorkflowStatus.Success, StepAttempt.NoOutputs);
        var spec = StepContainer.SpecOf(job, plan, 1, image, files: null);
        var environment = new Dictionary<string, string>(spec.Environment);
        foreach (var (name, value) in StepEnvironment.Of(job, attempt, agent.Time.GetUtcNow()))
        {
            environment[name] = value;
        }

        await agent.Report(new RunFact.ServiceStarted(job.Plan.Name, plan.Name, image.DisplayName), cancellationToken);
        try
        {
            var started = await group.StartServiceAsync(spec with { Environment = environment, Record = job.Records?.Make(plan, 1) }, log, cancellationToken);
            service = started;
            watch = WatchAsync(started, agent.Started?.Invoke(started));
            await started.WaitUntilHealthyAsync(cancellationToken);
        }
        catch (ContainerException failure)
        {
            await agent.Report(new RunFact.ServiceEnded(job.Plan.Name, plan.Name, StepErrors.Of(plan, failure)), CancellationToken.None);
            throw;
        }
    }

    /// <summary>Stops it, if it was started; a second call waits for its end only.</summary>
    public async ValueTask DisposeAsync()
    {
        stopping = true;
        if (Interlocked.Exchange(ref service, null) is { } there)
        {
            await there.DisposeAsync();
        }

        await watch;
        log.Dispose();
    }

    private async Task WatchAsync(IRunningService started, IDisposable? lease)
    {
        var outcome = await OutcomeAsync(started);
        lease?.Dispose();
        await log.EndAsync(CancellationToken.None);
        await agent.Report(new RunFact.ServiceEnded(job.Plan.Name, plan.Name, outcome), CancellationToken.None);
    }

    private async Task<Outcome> OutcomeAsync(IRunningService started)
    {
        try
        {
            return OutcomeOf(await started.Exited);
        }
        catch (ContainerException failure)
        {
            return StepErrors.Of(plan, failure);
        }
    }

    private Outcome OutcomeOf(ContainerExit exit) => stopping ? new Outcome.Success(null) : StepExecutor.OutcomeOf(exit);
}
