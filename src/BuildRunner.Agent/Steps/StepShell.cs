using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Logs;

namespace BuildRunner.Agent.Steps;

/// <summary>Commands of a person in a container as a step has it: its image, user, directory, environment, volumes, limits and network.</summary>
public sealed class StepShell
{
    private readonly AgentContext agent;
    private readonly WorkflowJob job;
    private readonly IContainerGroup? group;

    /// <summary>For a workflow that does not run: a group is made for each call.</summary>
    /// <param name="agent">What executors share; nothing is reported to it.</param>
    /// <param name="job">The workflow.</param>
    public StepShell(AgentContext agent, WorkflowJob job)
        : this(agent, job, null)
    {
    }

    internal StepShell(AgentContext agent, WorkflowJob job, IContainerGroup? group)
    {
        this.agent = agent;
        this.job = job;
        this.group = group;
    }

    /// <summary>Runs a command to its end.</summary>
    /// <param name="attempt">The step, with the outputs of the steps before it as far as they are known.</param>
    /// <param name="shell">What to run.</param>
    /// <param name="output">Receives what it prints; secrets are not masked.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ContainerException">It could not be run.</exception>
    public async Task<ContainerExit> RunAsync(StepAttempt attempt, ShellSpec shell, IOutputSink output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(attempt);
        ArgumentNullException.ThrowIfNull(shell);
        if (group is not null)
        {
            return await RunAsync(group, attempt, shell, output, cancellationToken);
        }

        var alone = shell.WithServices ? job : job with { Plan = job.Plan with { Services = [] } };
        await using var host = new WorkflowHost(agent, alone, new Masker(job.Secrets.Values));
        await host.OpenAsync(cancellationToken);
        return await RunAsync(host.Group, attempt, shell, output, cancellationToken);
    }

    private async Task<ContainerExit> RunAsync(IContainerGroup there, StepAttempt attempt, ShellSpec shell, IOutputSink output, CancellationToken cancellationToken)
    {
        var step = attempt.Step;
        var image = await agent.Images.ResolveAsync(shell.From?.Image ?? step.Image, always: false, job.Policy, cancellationToken);
        using var files = StepFiles.Create(job.ScratchDirectory);
        var spec = StepContainer.SpecOf(job, step, attempt.Number, image, files) with
        {
            // Beside the step's own name, which a container of it may still have.
            Name = $"{step.Name}-shell",
            From = shell.From,
            Deadline = null,
            StopGrace = TimeSpan.FromSeconds(2),
        };
        var environment = StepEnvironment.Of(job, attempt, agent.Time.GetUtcNow());
        foreach (var (name, value) in shell.Environment)
        {
            environment[name] = value;
        }

        await using var container = await there.PrepareAsync(spec, cancellationToken);
        return await there.RunAsync(container, new StartSpec { Arguments = shell.Command, Environment = environment, Input = shell.Input }, output, cancellationToken);
    }
}

/// <summary>What to run in a step's container.</summary>
/// <param name="Command">Program and arguments.</param>
/// <param name="Input">What it reads; null: nothing.</param>
/// <param name="From">The state to start from; null: the image's.</param>
public sealed record ShellSpec(IReadOnlyList<string> Command, ContainerInput? Input, KeptContainer? From)
{
    /// <summary>True: the workflow's services are started first.</summary>
    public bool WithServices { get; init; } = true;

    /// <summary>Added to the step's environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}
