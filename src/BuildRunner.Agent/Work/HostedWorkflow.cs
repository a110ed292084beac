using System.Collections.Concurrent;
using BuildRunner.Agent.Checkout;
using BuildRunner.Agent.Output;
using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Work;

/// <summary>A workflow on this agent: its workspace, network and services, from the work that makes it to the work that releases it.</summary>
internal sealed class HostedWorkflow : IAsyncDisposable
{
    private readonly AgentParts parts;
    private readonly WorkItem item;
    private readonly WorkTask.Start start;
    private readonly WorkflowJob job;
    private readonly AgentContext context;
    private readonly WorkflowHost host;
    private readonly PullLogins logins;
    private readonly CancellationTokenSource pulls = new();
    private readonly ConcurrentDictionary<(string Step, int Attempt), RunningAttempt> attempts = new();
    private readonly ConcurrentDictionary<string, byte> ended = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<(LogFile File, Task Shipped)> serviceLogs = [];
    private readonly Lock gate = new();
    private (HashSet<string> Values, Masker Masker)? latest;
    private bool failed;

    public HostedWorkflow(AgentParts parts, WorkItem item, WorkTask.Start start, string group)
    {
        this.parts = parts;
        this.item = item;
        this.start = start;
        job = JobOf(parts, item, start, group) with { Tests = (step, attempt, report) => attempts[(step, attempt)].Tell(report) };
        logins = new PullLogins(item, start);
        var images = new RunImages(parts.Engine, new RunImageOptions(null, MapOf(parts.Options, start), null, _ => parts.Pulls.Watch(), pulls.Token) { Login = logins.Of, Advice = logins.Advice });
        context = new AgentContext(parts.Engine, images, new SemaphoreSlim(int.MaxValue), ReportAsync, NewLog, parts.Time, parts.Fail) { Started = Started };
        host = new WorkflowHost(context, job, MaskerOf(Masked));
    }

    /// <summary>The fence of the work that made it.</summary>
    public long Fence => item.Fence;

    /// <summary>True once it was made: the server pins the workflow to this agent.</summary>
    public bool IsReady { get; private set; }

    private IEnumerable<string> Masked => start.Mask.Concat(start.Secrets.Values);

    /// <summary>Makes it anew around the workspace that an earlier process of this agent has left.</summary>
    /// <param name="done">Steps that have ended.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>As <see cref="OpenAsync"/>.</returns>
    public Task<Outcome.Error?> ReopenAsync(IEnumerable<string> done, CancellationToken stop)
    {
        done.ToList().ForEach(step => ended.TryAdd(step, 0));
        return OpenAsync(stop);
    }

    /// <summary>Makes it.</summary>
    /// <returns>Null, or why it could not be made; what was made of it is gone then.</returns>
    public async Task<Outcome.Error?> OpenAsync(CancellationToken stop)
    {
        Outcome.Error problem;
        try
        {
            foreach (var directory in new[] { parts.Folder.Tree(item.Id), parts.Folder.Scratch(item.Id), parts.Folder.Containers(item.Id) })
            {
                Directory.CreateDirectory(directory);
            }

            if ((start.Plan.Resources.DiskBytes ?? job.MostDiskBytes) is not null)
            {
                // Before it is so: who came afterwards would take the empty folder for the workspace.
                await File.WriteAllBytesAsync(parts.Folder.OwnDiskMark(item.Id), [], stop);
            }

            await host.OpenAsync(stop);
            IsReady = true;
            PrepareNext();
            return null;
        }
        catch (ContainerException failure)
        {
            problem = new Outcome.Error(StepErrors.WordOf(failure), failure.Message);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            problem = new Outcome.Error("stopped", "it was stopped before it was ready");
        }
        catch (Exception bug)
        {
            // The one edge at which a defect of ours must still be told: the run would wait for it for ever.
            problem = new Outcome.Error("internal", $"BuildRunner itself failed: {bug}");
        }

        await DisposeAsync();
        return problem;
    }

    /// <summary>Runs one attempt of a step to its end, and tells the server.</summary>
    public async Task RunAsync(WorkInHand held, WorkItem work, WorkTask.Step step)
    {
        var log = LogFile.Create(parts.Journal.LogOf(work.Id, LogStreams.Output));
        var attempt = new RunningAttempt(parts, held, step, log, parts.Shipping.Ship(work.Id, work.Fence, LogStreams.Output, log));
        attempts[(step.Plan.Name, step.Attempt)] = attempt;
        logins.Renew(step.Registries);
        try
        {
            var secrets = step.Source?.Secret is { } secret ? step.Secrets.Values.Append(secret) : step.Secrets.Values;
            var masker = MaskerOf(Masked.Concat(secrets));
            var own = job with
            {
                Secrets = step.Secrets,
                SecretsWithheld = step.SecretsWithheld,
                Policy = PolicyOf(parts.Options, step.Grants),
            };
            await new StepExecutor(context, host.Group, own, masker, host.Ahead).RunAsync(attempt.ToRun(work, parts.Time), held.Stop, held.Kill);
        }
        finally
        {
            attempts.TryRemove((step.Plan.Name, step.Attempt), out _);
        }
    }

    /// <summary>Ends what is left of it, with its workspace.</summary>
    public async Task CloseAsync()
    {
        await DisposeAsync();
        foreach (var (file, _) in serviceLogs)
        {
            file.Complete();
        }

        TreeRemoval.Remove(parts.Folder.Workflow(item.Id));
        await Task.WhenAll(serviceLogs.Select(l => l.Shipped));
        parts.Journal.Forget(item.Id);
    }

    public async ValueTask DisposeAsync()
    {
        await pulls.CancelAsync();
        await host.DisposeAsync();
    }

    // Nearly always the steps of a workflow hide the same, and of long secrets it takes a while to make.
    private Masker MaskerOf(IEnumerable<string> secrets)
    {
        var values = secrets.ToHashSet(StringComparer.Ordinal);
        lock (gate)
        {
            if (latest is not { } made || !made.Values.SetEquals(values))
            {
                latest = (values, new Masker(values));
            }

            return latest.Value.Masker;
        }
    }

    // What will be due next if all goes well is made ready while the step before it runs.
    private void PrepareNext()
    {
        if (failed || !IsReady)
        {
            return;
        }

        var busy = attempts.Keys.Select(a => a.Step).ToHashSet(StringComparer.Ordinal);
        var known = start.Plan.Steps.Where(s => s.SkipReason is null).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        var next = start.Plan.Steps.Where(step =>
            step.SkipReason is null && step.LateCondition is null && step.RunsOnStatus.Contains("success")
            && !busy.Contains(step.Name) && !ended.ContainsKey(step.Name)
            && step.DependsOn.All(d => !known.Contains(d.Name) || ended.ContainsKey(d.Name) || busy.Contains(d.Name)));
        foreach (var step in next.Take(Math.Max(1, parts.Holdings.FreeSlots)))
        {
            host.Ahead.Begin(step);
        }
    }

    private async Task<string?> ReportAsync(RunFact fact, CancellationToken cancellationToken)
    {
        switch (fact)
        {
            case RunFact.StepStarting starting:
                var refused = await attempts[(starting.Step, starting.Attempt)].IntendAsync(starting.Image);
                PrepareNext();
                return refused;
            case RunFact.StepEnded done:
                failed |= done.Report.Outcome is not Outcome.Success;
                ended.TryAdd(done.Step, 0);
                await attempts[(done.Step, done.Attempt)].EndAsync(done.Report, job.Records!.PathOf(service: false, done.Step, done.Attempt));
                return null;
            case RunFact.ServiceStarted service:
                return await ServiceAsync(new ServiceRequest { Fence = Fence, Service = service.Service, Image = service.Image });
            case RunFact.ServiceEnded service:
                return await ServiceAsync(new ServiceRequest { Fence = Fence, Service = service.Service, Outcome = service.Outcome });
            default:
                return null;
        }
    }

    private async Task<string?> ServiceAsync(ServiceRequest request)
    {
        try
        {
            await parts.Client.ServiceAsync(item.Id, request, parts.Leaving);
        }
        catch (OperationCanceledException)
        {
            // The process ends; the server learns that the workflow is gone with it.
        }

        return null;
    }

    private FrameLog NewLog(string workflow, string step, int attempt, Masker masker)
    {
        if (attempts.TryGetValue((step, attempt), out var running))
        {
            return new FrameLog(running.Log, masker, parts.Hello.Logs, parts.Time);
        }

        var stream = LogStreams.Service(StreamName.Of(step));
        var log = LogFile.Create(parts.Journal.LogOf(item.Id, stream));
        serviceLogs.Add((log, parts.Shipping.Ship(item.Id, item.Fence, stream, log)));
        return new FrameLog(log, masker, parts.Hello.Logs, parts.Time);
    }

    private IDisposable Started(ILeased container) => parts.Leases.Watch(container);

    private static WorkflowJob JobOf(AgentParts parts, WorkItem item, WorkTask.Start start, string group) => new()
    {
        Run = item.Run,
        Plan = start.Plan,
        GroupId = group,
        Owner = parts.Owner,
        Workspace = new WorkspaceSpec
        {
            BasePath = start.Plan.WorkspaceBase,
            TreePath = start.Plan.WorkspaceTree,
            SourceDirectory = parts.Folder.Tree(item.Id),
            CopyOnWrite = false,
            BeginsEmpty = true,
        },
        ScratchDirectory = parts.Folder.Scratch(item.Id),
        RunStartedAt = item.RunCreatedAt,
        Secrets = start.Secrets,
        SecretsWithheld = start.SecretsWithheld,
        SecretHint = "it is not known; an administrator of the repository sets it with: buildrunner secret set {0}",
        Colour = true,
        Policy = PolicyOf(parts.Options, start.Grants),
        StopGrace = parts.Hello.Times.StopGrace,
        DefaultLimits = parts.Options.DefaultLimits,
        Hardened = parts.Options.Hardened is HardenedRuns.Always || (parts.Options.Hardened is HardenedRuns.Strangers && start.Grants.Stranger),

        // A workspace that an earlier process left has none, whatever is set by now.
        MostDiskBytes = Directory.Exists(parts.Folder.Tree(item.Id)) ? null : parts.Options.MostDiskBytes,
        Checkout = parts.Checkout,
        Records = new ContainerRecords(parts.Folder.Containers(item.Id), parts.Hello.Logs.MaxPerStep, parts.Folder.Seal),
    };

    // An image in place of the one that a clone step has which names none.
    private static IReadOnlyDictionary<string, string> MapOf(AgentHostOptions options, WorkTask.Start start) => options.CloneImage is not { } image
        ? options.ImageMap
        : start.Plan.Steps.Where(s => s.Kind == StepKind.Clone && BuiltInCheckout.IsFor(s.Image)).Select(s => s.Image).Distinct()
            .Where(i => !options.ImageMap.ContainsKey(i)).Select(i => KeyValuePair.Create(i, image)).Concat(options.ImageMap).ToDictionary(StringComparer.Ordinal);

    private static StepPolicy PolicyOf(AgentHostOptions options, WorkGrants grants)
    {
        var volumes = grants.Volumes ? options.AllowedVolumes : [];
        string? Withheld(bool trusted) => grants.Stranger ? "the code comes from a fork, and strangers get nothing of the machine whatever the repository is trusted with"
            : trusted ? null
            : "an administrator of the server has to trust the repository with it first";
        return new StepPolicy(options.AllowPrivileged && grants.Privileged, volumes, options.AllowedRootFileSystems)
        {
            AllowImageBuilds = options.AllowImageBuilds,
            PrivilegedWithheld = Withheld(grants.Privileged),
            VolumesWithheld = Withheld(grants.Volumes),
            AllowedDevices = grants.Devices ? options.AllowedDevices : [],
            DevicesWithheld = Withheld(grants.Devices),
        };
    }
}
