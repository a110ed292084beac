using System.Globalization;
using System.Runtime.InteropServices;
using BuildRunner.Agent.Checkout;
using BuildRunner.Agent.Contract;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>One life of an agent's process.</summary>
/// <remarks>1. Find out who it is, and greet the server. 2. Clear away what an earlier process left, and tell its ends. 3. Claim, beat and reap until it is asked to end.
/// 4. Finish what it has, as far as the grace reaches; end the rest. 5. Say goodbye.</remarks>
internal sealed partial class AgentSession : IAsyncDisposable
{
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(15);

    private readonly AgentHostOptions options;
    private readonly IContainerEngine engine;
    private readonly AgentContractClient client;
    private readonly WorkFolder folder;
    private readonly ILoggerFactory loggers;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource leaving = new();
    private readonly CancellationTokenSource claiming = new();
    private readonly TaskCompletionSource failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Readiness readiness;

    public AgentSession(AgentHostOptions options, IContainerEngine engine, AgentContractClient client, WorkFolder folder, ILoggerFactory loggers, TimeProvider time)
    {
        this.options = options;
        this.engine = engine;
        this.client = client;
        this.folder = folder;
        this.loggers = loggers;
        this.time = time;
        logger = loggers.CreateLogger("BuildRunner.Agent");
        readiness = new Readiness(options);
        client.Silence += problem => LogSilence(problem);
    }

    public async Task RunAsync(CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, leaving.Token);
        AgentParts parts;
        try
        {
            client.Credential = await Identity.FindAsync(options, folder, client, either.Token);
            parts = await GreetAsync(either.Token);
            await new Recovery(parts).RunAsync(either.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Nothing was begun.
            return;
        }

        if (readiness.Unready is { } why)
        {
            LogUnready(logger, parts.Hello.Name, parts.Hello.ServerVersion, why);
        }
        else
        {
            LogReady(logger, parts.Hello.Name, parts.Hello.ServerVersion, options.Slots, string.Join(", ", parts.Hello.Labels.Select(l => $"{l.Key}={l.Value}").Order(StringComparer.Ordinal)));
        }

        options.Health?.Is(() => LookAt(parts));
        options.Ready?.Invoke();
        engine.KeepReady(parts.Folder.Ready, parts.Ahead.Count);
        await WorkAsync(parts, stop);
    }

    public async ValueTask DisposeAsync()
    {
        await leaving.CancelAsync();
        claiming.Dispose();
        leaving.Dispose();
    }

    private async Task WorkAsync(AgentParts parts, CancellationToken stop)
    {
        var runner = new WorkRunner(parts);
        using var beats = new Heartbeats(parts, runner, readiness, () => ReconcileAsync(parts));
        var claims = new ClaimLoop(parts, runner) { OnWorkflow = options.Once ? () => LeaveAsync(beats, "it takes one workflow and ends") : null };
        if (readiness.Unready is not null)
        {
            // The server has to know before it is asked for work.
            await beats.BeatAsync(leaving.Token);
        }

        List<Task> loops =
        [
            GuardAsync(() => beats.RunAsync(leaving.Token)),
            GuardAsync(() => beats.FenceAsync(leaving.Token)),
            GuardAsync(() => new Housekeeping(parts).RunAsync(leaving.Token)),
            GuardAsync(() => claims.RunAsync(claiming.Token)),
        ];
        try
        {
            await WaitAsync(parts, stop);
            if (!failed.Task.IsCompleted)
            {
                await LeaveAsync(beats, "it was asked to end");
                LogDraining(logger, parts.Workflows.Count, parts.Holdings.All.Count, options.DrainGrace.TotalSeconds);
                await DrainAsync(parts);
            }
        }
        finally
        {
            await EndAsync(parts, loops);
        }

        if (failed.Task.IsCompleted)
        {
            await failed.Task;
        }
    }

    /// <summary>Until it is asked to end, cannot go on, or has done the one workflow that it was to do.</summary>
    private async Task WaitAsync(AgentParts parts, CancellationToken stop)
    {
        var asked = Task.Delay(Timeout.InfiniteTimeSpan, time, stop);
        while (!asked.IsCompleted && !failed.Task.IsCompleted && !(options.Once && readiness.IsLeaving && IsIdle(parts)))
        {
            await Task.WhenAny(asked, failed.Task, options.Once ? parts.Holdings.ChangedAsync() : Task.Delay(Timeout.InfiniteTimeSpan, time, stop));
        }
    }

    private AgentLook LookAt(AgentParts parts)
    {
        var silent = parts.Lease.IsOver ? string.Create(CultureInfo.InvariantCulture, $"its server has not answered for {parts.Hello.Times.FenceSelfAfter.TotalSeconds:0} s") : null;
        return new AgentLook(silent is null, silent ?? readiness.Unready, options.Slots - parts.Holdings.FreeSlots, options.Slots);
    }

    private static bool IsIdle(AgentParts parts) => parts.Holdings.IsEmpty && parts.Workflows.IsEmpty;

    // The server has to know before it is asked for work the next time.
    private async Task LeaveAsync(Heartbeats beats, string why)
    {
        readiness.Leave(why);
        await beats.BeatAsync(leaving.Token);
    }

    private async Task DrainAsync(AgentParts parts)
    {
        using var grace = new CancellationTokenSource(options.DrainGrace, time);
        while (!grace.IsCancellationRequested && !failed.Task.IsCompleted)
        {
            var changed = parts.Holdings.ChangedAsync();
            if (IsIdle(parts))
            {
                return;
            }

            await Task.WhenAny(changed, failed.Task, Task.Delay(TimeSpan.FromSeconds(1), time, grace.Token));
        }
    }

    private async Task EndAsync(AgentParts parts, List<Task> loops)
    {
        await claiming.CancelAsync();
        foreach (var work in parts.Holdings.All)
        {
            work.KillNow();
        }

        var end = time.GetTimestamp();
        while (!parts.Holdings.IsEmpty && time.GetElapsedTime(end) < LastWords && !failed.Task.IsCompleted)
        {
            await Task.WhenAny(parts.Holdings.ChangedAsync(), Task.Delay(TimeSpan.FromMilliseconds(200), time, CancellationToken.None));
        }

        foreach (var (start, workflow) in parts.Workflows)
        {
            await workflow.DisposeAsync();
            await TellLostAsync(parts, start, workflow.Fence);
        }

        await parts.Shipping.SettleAsync(failed.Task.IsCompleted ? TimeSpan.Zero : LastWords);
        if (!failed.Task.IsCompleted)
        {
            using var limit = new CancellationTokenSource(LastWords, time);
            await client.GoodbyeOnceAsync(new GoodbyeRequest { Session = parts.Session }, limit.Token);
        }

        await leaving.CancelAsync();
        await Task.WhenAll(loops);
    }

    private async Task TellLostAsync(AgentParts parts, WorkId start, long fence)
    {
        if (failed.Task.IsCompleted)
        {
            return;
        }

        try
        {
            using var limit = new CancellationTokenSource(LastWords, time);
            await parts.Client.WorkflowLostAsync(start, new WorkflowLostRequest { Fence = fence, Why = "Its agent was stopped before the workflow had ended." }, limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ContractException)
        {
            // The server finds out by itself when the agent comes back, or does not.
        }
    }

    private async Task<AgentParts> GreetAsync(CancellationToken stop)
    {
        var session = Guid.NewGuid();
        var asked = time.GetTimestamp();
        var hello = await client.HelloAsync(HelloOf(session), stop);
        var shipping = new Shipping(client, time, loggers.CreateLogger("BuildRunner.Agent.Logs"), leaving.Token) { Limits = hello.Logs };
        var lease = new Lease(time);
        lease.Renew(asked, hello.Times);
        return new AgentParts
        {
            Options = options,
            Engine = engine,
            Client = client,
            Folder = folder,
            Journal = new Journal(folder),
            Holdings = new Holdings(options.Slots),
            Lease = lease,
            Leases = new ContainerLeases(lease),
            Shipping = shipping,
            Checkout = CheckoutOf(),
            Loggers = loggers,
            Time = time,
            Session = session,
            Hello = hello,
            Leaving = leaving.Token,
            Fail = Fail,
        };
    }

    // A folder of the machine can be an image for the embedded engine only.
    private BuiltInCheckout? CheckoutOf()
    {
        if (engine.Name != "oci" || options.CloneImage is not null)
        {
            return null;
        }

        var git = new GitProgram(Path.Combine(folder.Root, "git"), new SourceTrust(options.KnownHosts, options.CertificateAuthorities));
        return new BuiltInCheckout(new Mirrors(git, folder.Mirrors, time), new CheckoutRoot(folder.CheckoutRoots, git), options.AllowedSources, folder.VolatileRoot);
    }

    // After a long silence the server may have taken workflows from this agent: their workspaces are nobody's.
    private async Task ReconcileAsync(AgentParts parts)
    {
        var before = parts.Workflows.Where(w => w.Value.IsReady).ToList();
        parts.Hello = await client.HelloAsync(HelloOf(parts.Session), leaving.Token);
        foreach (var (start, workflow) in before.Where(w => parts.Hello.Workflows.All(k => k.Start != w.Key) && parts.Hello.Held.All(k => k.Work != w.Key)))
        {
            if (parts.Workflows.TryRemove(start, out _))
            {
                _ = GuardAsync(workflow.CloseAsync);
            }
        }
    }

    private HelloRequest HelloOf(Guid session) => new()
    {
        Version = (typeof(AgentSession).Assembly.GetName().Version ?? new Version(0, 0, 0)).ToString(3),
        Session = session,
        Slots = options.Slots,
        Facts = new Dictionary<string, string>
        {
            ["platform"] = $"linux/{(RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64")}",
            ["hostname"] = Environment.MachineName,
            ["engine"] = engine.Name,
        },
    };

    private async Task GuardAsync(Func<Task> loop)
    {
        try
        {
            await Task.Run(loop);
        }
        catch (OperationCanceledException) when (leaving.IsCancellationRequested || claiming.IsCancellationRequested)
        {
            // Its time is over.
        }
        catch (Exception problem)
        {
            Fail(problem);
        }
    }

    private void Fail(Exception problem)
    {
        if (failed.TrySetException(problem))
        {
            LogFailed(logger, problem is ContractException ? null : problem, problem.Message);
        }
    }

    private void LogSilence(string? problem)
    {
        if (problem is null)
        {
            LogBack(logger);
        }
        else
        {
            LogSilent(logger, options.Server, problem);
        }
    }

    [LoggerMessage(4021, LogLevel.Information, "agent {Name} is ready: server version {Version}, slots {Slots}, labels {Labels}")]
    private static partial void LogReady(ILogger logger, string name, string version, int slots, string labels);

    [LoggerMessage(4026, LogLevel.Warning, "agent {Name} is at its server (version {Version}) and takes nothing: {Why}")]
    private static partial void LogUnready(ILogger logger, string name, string version, string why);

    [LoggerMessage(4022, LogLevel.Information, "ending: nothing new is taken; what goes on is finished within {Seconds} s (workflows: {Workflows}, pieces of work: {Count})")]
    private static partial void LogDraining(ILogger logger, int workflows, int count, double seconds);

    [LoggerMessage(4023, LogLevel.Error, "the agent cannot go on: {Problem}")]
    private static partial void LogFailed(ILogger logger, Exception? exception, string problem);

    [LoggerMessage(4024, LogLevel.Warning, "the server {Server} does not answer ({Problem}); it is tried again")]
    private static partial void LogSilent(ILogger logger, Uri server, string problem);

    [LoggerMessage(4025, LogLevel.Information, "the server answers")]
    private static partial void LogBack(ILogger logger);
}
