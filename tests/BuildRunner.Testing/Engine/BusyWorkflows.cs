using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Testing.Engine;

/// <summary>Workflows as a busy agent has them: a service each, and steps of which a third is killed, a tenth ends by its time limit, and all leave as much as they can.</summary>
/// <param name="engine">The engine.</param>
/// <param name="image">An image with a shell.</param>
/// <param name="tree">The tree that each workflow gets a view of.</param>
/// <param name="watch">Told of each group.</param>
public sealed class BusyWorkflows(IContainerEngine engine, ResolvedImage image, string tree, Action<string> watch)
{
    private const int StepsOfAWorkflow = 10;

    // Daemons that have left their session, a full disk's worth of small things, a process that does not hear.
    private const string Litter = "(sleep 600 &); setsid sleep 600 & echo x > /left; echo x > /tmp/left; echo $N >> kept; dd if=/dev/zero of=/big bs=64k count=8 2>/dev/null; echo up $N; ";

    private int taken, succeeded, killed, timedOut;

    /// <summary>Steps that ended by themselves.</summary>
    public int Succeeded => succeeded;

    /// <summary>Steps that were cancelled.</summary>
    public int Killed => killed;

    /// <summary>Steps that their time limit ended.</summary>
    public int TimedOut => timedOut;

    /// <summary>Runs so many steps, in so many workflows at once.</summary>
    /// <exception cref="InvalidOperationException">A step did not end as it had to.</exception>
    public Task RunAsync(int steps, int workflowsAtOnce)
    {
        taken = 0;
        return Task.WhenAll(Enumerable.Range(0, workflowsAtOnce).Select(_ => Task.Run(async () =>
        {
            while (Volatile.Read(ref taken) < steps)
            {
                await RunWorkflowAsync(steps);
            }
        })));
    }

    private async Task RunWorkflowAsync(int steps)
    {
        var id = $"test-{Guid.CreateVersion7():N}";
        watch(id);
        var workspace = new WorkspaceSpec { BasePath = "/w", TreePath = "/w/tree", SourceDirectory = tree, CopyOnWrite = true };
        await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = id, Owner = "tests", Workspace = workspace }, CancellationToken.None);
        var check = new HealthCheck(["test", "-e", "/ready"], TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(20), 1000, TimeSpan.Zero);
        await using var service = await group.StartServiceAsync(
            Shell("service", "trap '' TERM; touch /ready; sleep 600 & wait") with { HealthCheck = check, StopGrace = TimeSpan.FromMilliseconds(20) }, new OutputRecorder(), CancellationToken.None);
        await service.WaitUntilHealthyAsync(CancellationToken.None);
        for (var step = 0; step < StepsOfAWorkflow && Interlocked.Increment(ref taken) is var number && number <= steps; step++)
        {
            await RunStepAsync(group, number);
        }
    }

    private async Task RunStepAsync(IContainerGroup group, int number)
    {
        switch (number % 30)
        {
            case 4 or 14 or 24:
                var late = Shell($"step{number}", Litter + "trap '' TERM; while :; do sleep 600; done", number) with { Deadline = TimeSpan.FromMilliseconds(30), StopGrace = TimeSpan.FromMilliseconds(10) };
                // TERM may come before the shell ignores it.
                Expect(await RunAsync(group, late, CancellationToken.None) is ContainerExit.Signaled(9 or 15), number);
                Interlocked.Increment(ref timedOut);
                break;
            case var n when n % 3 == 0:
                await KillAsync(group, number);
                break;
            default:
                Expect(await RunAsync(group, Shell($"step{number}", Litter + $"exit {number % 7}", number), CancellationToken.None) == new ContainerExit.Exited(number % 7), number);
                Interlocked.Increment(ref succeeded);
                break;
        }
    }

    /// <summary>Cancels a step that does not listen: when it has said something, or a little after it was started.</summary>
    private async Task KillAsync(IContainerGroup group, int number)
    {
        using var cancel = new CancellationTokenSource();
        var output = new OutputRecorder();
        var spec = Shell($"step{number}", Litter + "trap '' TERM; while :; do sleep 600; done", number) with { StopGrace = TimeSpan.FromMilliseconds(10) };
        await using var container = await group.PrepareAsync(spec, CancellationToken.None);
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, cancel.Token);
        if (number % 2 == 0)
        {
            await output.Contains($"up {number}\n");
        }

        await cancel.CancelAsync();
        try
        {
            await running;
            Expect(false, number);
        }
        catch (OperationCanceledException)
        {
            // As it has to.
            Interlocked.Increment(ref killed);
        }
    }

    private static async Task<ContainerExit> RunAsync(IContainerGroup group, ContainerSpec spec, CancellationToken stop)
    {
        await using var container = await group.PrepareAsync(spec, stop);
        return await group.RunAsync(container, StartSpec.AsPrepared, new OutputRecorder(), stop);
    }

    private ContainerSpec Shell(string name, string script, int number = 0) => new()
    {
        Name = name,
        Image = image,
        Entrypoint = ["/bin/sh", "-c", script],
        Environment = new Dictionary<string, string> { ["N"] = $"{number}" },
    };

    private static void Expect(bool ended, int number)
    {
        if (!ended)
        {
            throw new InvalidOperationException($"step {number} did not end as it had to");
        }
    }
}
