using System.Text.Json;

namespace BuildRunner.Campaign;

/// <summary>Recognises a phase of a step by what agent and server say to each other, and stops the conversation there until it is released.</summary>
public sealed class PhaseTrap(Fault fault, IReadOnlyList<ContractGate> gates)
{
    private readonly Lock gate = new();
    private readonly TaskCompletionSource<string> reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource attempted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<string, GivenWork> given = [];
    private bool holdsClaims;
    private string? run;

    /// <summary>Completes with the agent's name when the phase is reached.</summary>
    public Task<string> Reached => reached.Task;

    /// <summary>Completes when the agent wants to start the step: its container is made.</summary>
    public Task Prepared => attempted.Task;

    /// <summary>The run that it is about: OWNER/NAME#NUMBER.</summary>
    public void Aim(string name) => run = name;

    /// <summary>The phase is reached in a way that the gates do not see.</summary>
    public void Reach(string agent) => reached.TrySetResult(agent);

    /// <summary>Everything goes on.</summary>
    public void Release() => released.TrySetResult();

    /// <summary>Before a call is forwarded.</summary>
    public async Task<bool> CallAsync(ContractCall call)
    {
        if (released.Task.IsCompleted)
        {
            return true;
        }

        if (call.Name == "claim")
        {
            return !holdsClaims || await HoldAsync(delivered: true);
        }

        if (Find(call.Work) is not { } work)
        {
            return true;
        }

        switch (fault.Phase)
        {
            case Phase.Queued when IsEnd(call, work, "a") && !fault.First:
                // The second step becomes due when the first one's end is stored; nobody is there to claim it.
                holdsClaims = true;
                gates.ToList().ForEach(g => g.GiveUpClaims());
                await Task.Delay(50);
                return true;
            case Phase.Preparing when call.Name == "intent" && Is(work, fault.Step):
                attempted.TrySetResult();
                return await HoldAsync(fault.Delivered);
            case Phase.Exited when IsEnd(call, work, fault.Step):
                return await ReachAsync(call.Agent);
            case Phase.Cleaning when call.Name == "result" && work.Kind == "release":
                return await HoldAsync(fault.Delivered);
            default:
                return true;
        }
    }

    /// <summary>Before an answer is handed on.</summary>
    public async Task<bool> AnswerAsync(ContractCall call)
    {
        if (released.Task.IsCompleted)
        {
            return true;
        }

        var work = call.Name == "claim" ? Note(call) : Find(call.Work);
        switch (fault.Phase)
        {
            case Phase.Queued when work is not null && !fault.First && IsEnd(call, work, "a") && call.Status == 204:
                reached.TrySetResult(call.Agent);
                return true;
            case Phase.Claimed when call.Name == "claim" && work is not null && (fault.First ? work.Kind == "start" : Is(work, fault.Step)):
            case Phase.IntentStored when call.Name == "intent" && work is not null && Is(work, fault.Step) && call.Status == 204:
            case Phase.Reported when work is not null && IsEnd(call, work, fault.Step) && call.Status == 204:
                return await ReachAsync(call.Agent);
            case Phase.Cleaning when call.Name == "claim" && work is { Kind: "release" } && fault.Victim is Victim.Shim or Victim.Container:
                // A moment later there would be nothing to kill.
                return await ReachAsync(call.Agent);
            case Phase.Preparing when call.Name == "claim" && work is not null && Is(work, fault.Step):
            case Phase.Cleaning when call.Name == "claim" && work is { Kind: "release" }:
                reached.TrySetResult(call.Agent);
                return true;
            default:
                return true;
        }
    }

    private static bool Is(GivenWork work, string step) => work.Kind == "step" && work.Step == step && work.Attempt == 1;

    private static bool IsEnd(ContractCall call, GivenWork work, string step) => call.Name == "result" && Is(work, step);

    private Task<bool> ReachAsync(string agent)
    {
        reached.TrySetResult(agent);
        return HoldAsync(fault.Delivered);
    }

    private async Task<bool> HoldAsync(bool delivered)
    {
        await released.Task;
        return delivered;
    }

    private GivenWork? Find(string? id)
    {
        lock (gate)
        {
            return id is not null ? given.GetValueOrDefault(id) : null;
        }
    }

    // What a claim's answer brings of this run, one piece of it: the others do not matter to the trap.
    private GivenWork? Note(ContractCall call)
    {
        try
        {
            lock (gate)
            {
                var ours = call.Given().Where(g => g.Run == run).ToList();
                ours.ForEach(g => given[g.Id] = g);
                return ours.Find(g => Is(g, fault.Step)) ?? ours.FirstOrDefault();
            }
        }
        catch (JsonException)
        {
            // The server was killed in the middle of a word.
            return null;
        }
    }
}
