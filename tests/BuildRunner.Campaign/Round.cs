using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace BuildRunner.Campaign;

/// <summary>One run and one fault: the run is started, brought to the phase, something is killed, and the run comes to its end.</summary>
/// <param name="installation">Where.</param>
/// <param name="audit">Judges it.</param>
/// <param name="workflows">Collects the ids of works that made workflows.</param>
/// <param name="known">What earlier rounds have left, and was told already.</param>
/// <param name="fault">What is done.</param>
public sealed partial class Round(Installation installation, Audit audit, HashSet<string> workflows, IReadOnlySet<string> known, Fault fault)
{
    private const int Kill = 9;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5), PhaseLimit = TimeSpan.FromMinutes(2);

    private readonly Runs runs = new(installation);
    private readonly PhaseTrap trap = new(fault, installation.Gates);

    /// <summary>The run's number; 0: none was accepted.</summary>
    public int Number { get; private set; }

    /// <summary>What was killed; null: nothing, because the phase was not reached or there was no such process.</summary>
    public string? Killed { get; private set; }

    /// <summary>How the run ended.</summary>
    public string State { get; private set; } = "";

    /// <summary>Called when the victim is dead: whoever has to start it again by hand does.</summary>
    public Func<Task> OnKilled { get; set; } = () => Task.CompletedTask;

    /// <summary>Does it.</summary>
    /// <returns>Everything that is wrong afterwards.</returns>
    public async Task<IReadOnlyList<string>> RunAsync()
    {
        Watch();
        try
        {
            var agent = await ReachAsync();
            double? cancelled = fault.Cancelled && agent is not null ? await CancelAsync() : null;
            if (agent is not null)
            {
                await StrikeAsync(agent);
                if (Killed is not null)
                {
                    outage = OutageAsync();
                    revived = OnKilled();
                }
            }

            trap.Release();
            await (waiting ? installation.Api.SendAsync(HttpMethod.Post, "queue/resume", new { }) : Task.CompletedTask);
            State = await runs.EndAsync(Number, Limit);
            await RestoreAsync();
            return [.. await audit.RunAsync(Number, fault, Killed is not null, Longer(await outage, Silence()), cancelled), .. await Remains.AfterAsync(installation, workflows, known)];
        }
        catch (TimeoutException late)
        {
            return [late.Message];
        }
        finally
        {
            trap.Release();
        }
    }

    private bool waiting;
    private Task revived = Task.CompletedTask;
    private Task<TimeSpan> outage = Task.FromResult(TimeSpan.Zero);

    // Servers that say that they are ready can still be too busy to answer.
    private TimeSpan Silence() => installation.Gates.Max(g => g.Silence.Take());

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private void Watch()
    {
        _ = Silence();
        foreach (var gate in installation.Gates)
        {
            gate.OnCall = trap.CallAsync;
            gate.OnAnswer = call =>
            {
                lock (workflows)
                {
                    workflows.UnionWith(Given(call).Where(g => g.Kind == "start").Select(g => g.Id));
                }

                return trap.AnswerAsync(call);
            };
        }
    }

    private static IReadOnlyList<GivenWork> Given(ContractCall call)
    {
        try
        {
            return call.Given();
        }
        catch (JsonException)
        {
            // The server was killed in the middle of a word.
            return [];
        }
    }

    private async Task<AgentSeat?> ReachAsync()
    {
        waiting = fault is { Phase: Phase.Queued, First: true };
        if (waiting)
        {
            await installation.Api.SendAsync(HttpMethod.Post, "queue/pause", new { why = "campaign" });
        }

        await TriggerAsync();
        if (waiting)
        {
            trap.Reach(installation.Agents[Number % installation.Agents.Count].Name);
        }

        using var patience = new CancellationTokenSource(PhaseLimit);
        try
        {
            if (fault.Phase == Phase.Running)
            {
                await installation.Witness.StartedAsync(Number, fault.Step, patience.Token);
                trap.Reach((await runs.HostAsync(Number)).Name);
            }

            var name = await trap.Reached.WaitAsync(patience.Token);
            return installation.Agents.Single(a => a.Name == name);
        }
        catch (OperationCanceledException)
        {
            // The report says that the phase was not reached.
            return null;
        }
    }

    // The trap has to know the name before anything of the run can pass: runs of a repository are counted.
    private async Task TriggerAsync()
    {
        trap.Aim($"{Installation.Repository}#{await runs.LastAsync() + 1}");
        Number = await runs.StartAsync(fault.Shape, fault.Step, fault.Phase == Phase.Running ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(0.05));
        trap.Aim($"{Installation.Repository}#{Number}");
    }

    private async Task<double> CancelAsync()
    {
        await runs.CancelAsync(Number);
        return Witness.Now;
    }

    private async Task StrikeAsync(AgentSeat agent)
    {
        if (fault.Phase == Phase.Preparing && fault.Victim is Victim.Shim or Victim.Container)
        {
            await Task.WhenAny(trap.Prepared, Task.Delay(PhaseLimit));
        }

        if (fault.Phase is Phase.Preparing or Phase.Running or Phase.Cleaning)
        {
            await Task.Delay(fault.Later);
        }

        switch (fault.Victim)
        {
            case Victim.Server:
                var server = installation.Servers[installation.Agents.IndexOf(agent) % installation.Servers.Count];
                await server.KillAsync();
                Killed = server.Name;
                break;
            case Victim.Agent:
                await agent.Process.KillAsync();

                // The kernel closes the connections of the dead, also beyond a gate.
                agent.Gate.GiveUpClaims();
                agent.Gate.Silence.End();
                Killed = agent.Name;
                break;
            case Victim.Broker:
                await installation.Broker!.KillAsync();
                Killed = "broker";
                break;
            case Victim.Database:
                await installation.Database!.KillAsync();
                Killed = "database";
                break;
            default:
                await StrikeHelperAsync(agent);
                break;
        }
    }

    // The next step's container, which stands for this one's where that is gone, may just be in the making.
    private async Task StrikeHelperAsync(AgentSeat agent)
    {
        for (var tries = 0; Killed is null && tries < 100; tries++)
        {
            if (Victims.Find(fault.Victim, agent, Number, fault.Step) is { } prey && Signal(prey.Id, Kill) == 0)
            {
                Killed = prey.What;
            }
            else
            {
                await Task.Delay(50);
            }
        }
    }

    private async Task<TimeSpan> OutageAsync()
    {
        var began = TimeProvider.System.GetTimestamp();
        await installation.Api.ReadyAsync();
        return TimeProvider.System.GetElapsedTime(began);
    }

    private async Task RestoreAsync()
    {
        await revived;
        if (Killed is null)
        {
            return;
        }

        if (fault.Victim is Victim.Server or Victim.Database)
        {
            await installation.Api.ReadyAsync();
        }

        if (fault.Victim is Victim.Agent)
        {
            await installation.Api.WaitAsync("agents", json => json.GetProperty("items").EnumerateArray().All(a => a.GetProperty("state").GetString() == "online"), PhaseLimit);
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"run {Number}: {fault} -> {(Killed is null ? "nothing was killed" : $"killed {Killed}")}, {State}");

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
