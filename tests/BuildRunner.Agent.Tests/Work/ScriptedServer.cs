using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Web;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>A server at the level of the contract: it hands out what the test queues, remembers all that it is told, and fails as the test says.</summary>
internal sealed class ScriptedServer
{
    private static readonly AgentContractJson Json = AgentContractJson.Default;
    private readonly Lock gate = new();
    private readonly Queue<WorkItem> queue = [];
    private readonly Dictionary<WorkId, WorkItem> held = [];
    private readonly Dictionary<Guid, List<WorkItem>> claims = [];
    private readonly ReceivedLogs logs = new();
    private readonly Watchers watchers = new();
    private readonly HashSet<WorkId> started = [];
    private readonly Dictionary<WorkId, string> results = [];
    private readonly List<StopOrder> stops = [];
    private int hellos;
    private TaskCompletionSource queued = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What it was told, in order: <c>intent build</c>, <c>result build success</c>, <c>return build</c>, <c>lost</c> …</summary>
    public ConcurrentQueue<string> Told { get; } = [];

    /// <summary>The names of all calls, also of those that were not answered.</summary>
    public ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>The numbers of all claims, in the order in which they came.</summary>
    public ConcurrentQueue<long> ClaimNumbers { get; } = [];

    /// <summary>How a step ended; null: that was not told.</summary>
    public WorkResult.Ended? Ended(WorkId step)
    {
        lock (gate)
        {
            return results.TryGetValue(step, out var json) ? (WorkResult.Ended)JsonSerializer.Deserialize(json, Json.ResultRequest)!.Result : null;
        }
    }

    /// <summary>What it answers in place of what it would; null: as usual. Told the method's name (<c>intent</c>, <c>log</c> …).</summary>
    public Func<string, HttpStatusCode?> Fault { get; set; } = _ => null;

    /// <summary>True: it does what it is asked for, and the answer gets lost.</summary>
    public Func<string, bool> LoseAnswer { get; set; } = _ => false;

    /// <summary>False: it is a server of an earlier version, which takes nothing back whose intent is stored.</summary>
    public bool TakesBack { get; set; } = true;

    public AgentTimes Times { get; set; } = new() { ClaimWait = TimeSpan.FromSeconds(2), HeartbeatEvery = TimeSpan.FromMilliseconds(200), StopGrace = TimeSpan.FromSeconds(5) };

    public LogLimits Limits { get; set; } = new();

    /// <summary>Workflows that are pinned to the agent.</summary>
    public Dictionary<WorkId, long> Hosted { get; } = [];

    public int Heartbeats { get; private set; }

    public string? Unready { get; private set; }

    /// <summary>What heartbeats that were answered told of what was made ahead.</summary>
    public ConcurrentQueue<AheadUse> Ahead { get; } = [];

    public HashSet<WorkId> Refuse { get; } = [];

    /// <summary>Gives work to the next claim.</summary>
    public void Queue(WorkItem item)
    {
        lock (gate)
        {
            queue.Enqueue(item);
            queued.TrySetResult();
            queued = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Stop(WorkId work, StopReason reason)
    {
        lock (gate)
        {
            stops.Add(new StopOrder(work, reason));
            queued.TrySetResult();
            queued = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>The frames of a log.</summary>
    public byte[] Log(WorkId work, string stream = LogStreams.Output) => logs.Frames(work, stream);

    public bool LogEnded(WorkId work, string stream = LogStreams.Output) => logs.HasEnded(work, stream);

    /// <summary>What a step wrote, by the frames: standard output and error in order, and what BuildRunner said in lines that begin with <c>#</c>.</summary>
    public string Text(WorkId work, string stream = LogStreams.Output) => logs.Text(work, stream);

    public Task SeesAsync(string told) => SeesAsync(s => s.Told.Contains(told), told);

    public Task SeesAsync(Func<ScriptedServer, bool> seen, string what = "it") =>
        watchers.SeesAsync(() => IsSo(seen), () => $"the server was not told '{what}', but:\n{string.Join('\n', Told)}");

    private bool IsSo(Func<ScriptedServer, bool> seen)
    {
        lock (gate)
        {
            return seen(this);
        }
    }

    /// <summary>An in-memory connection to it.</summary>
    public HttpMessageHandler Handler() => new ScriptedServerHandler(this);

    public async Task<(HttpStatusCode Status, byte[] Body)> AnswerAsync(string method, string path, string query, byte[] body, CancellationToken stop)
    {
        var parts = path.Trim('/').Split('/');
        var call = parts[^1];
        Calls.Enqueue(call);
        if (Fault(call) is { } fault)
        {
            watchers.Look();
            return (fault, Encoding.UTF8.GetBytes("""{"code":"test","detail":"as the test says"}"""));
        }

        var answer = call switch
        {
            "register" => Register(Read(body, Json.RegisterRequest)),
            "hello" => Hello(),
            "claim" => await ClaimAsync(Read(body, Json.ClaimRequest), stop),
            "heartbeat" => Beat(Read(body, Json.HeartbeatRequest)),
            "goodbye" => Tell("goodbye"),
            _ => About(call, new WorkId(Guid.ParseExact(parts[^2], "N")), query, body),
        };
        watchers.Look();
        return LoseAnswer(call) ? throw new HttpRequestException("the test lost the answer") : answer;
    }

    public static AgentId Agent { get; } = new(Guid.Parse("11111111-2222-3333-4444-555555555555"));

    /// <summary>The credentials that an agent wanted when it registered.</summary>
    public ConcurrentQueue<string?> Wanted { get; } = [];

    private (HttpStatusCode, byte[]) Register(RegisterRequest request)
    {
        Wanted.Enqueue(request.Credential);
        return Ok(new RegisterResponse { Agent = Agent, Name = request.Name, Credential = "bra_test" }, Json.RegisterResponse);
    }

    private (HttpStatusCode, byte[]) Hello()
    {
        lock (gate)
        {
            Told.Enqueue("hello");
            hellos++;
            return Ok(
                new HelloResponse
                {
                    Agent = Agent,
                    Name = "a",
                    ServerVersion = "0.1.0",
                    Labels = new Dictionary<string, string>(),
                    Times = Times,
                    Logs = Limits,
                    Held = [.. held.Values.Select(w => new HeldWork(w.Id, w.Fence, KindOf(w), started.Contains(w.Id)))],
                    Workflows = [.. Hosted.Select(h => new HeldWorkflow(h.Key, h.Value))],
                },
                Json.HelloResponse);
        }
    }

    private static WorkKind KindOf(WorkItem work) => work.Task switch { WorkTask.Start => WorkKind.Start, WorkTask.Step => WorkKind.Step, _ => WorkKind.Release };

    private async Task<(HttpStatusCode, byte[])> ClaimAsync(ClaimRequest request, CancellationToken stop)
    {
        ClaimNumbers.Enqueue(request.Number);
        var end = Task.Delay(Times.ClaimWait, stop);
        var asked = hellos;
        while (true)
        {
            Task more;
            lock (gate)
            {
                more = queued.Task;
                var work = claims.GetValueOrDefault(request.Claim)?.Where(w => held.ContainsKey(w.Id) && !started.Contains(w.Id)).ToList() ?? [];
                if (work.Count == 0 && asked == hellos && queue.TryPeek(out var next) && (request.FreeSlots > 0 || next.Task is WorkTask.Release or WorkTask.Step { Plan.Detached: true }))
                {
                    work = [queue.Dequeue()];
                    held[work[0].Id] = work[0];
                    claims[request.Claim] = work;
                }

                var orders = stops.Where(s => held.ContainsKey(s.Work) && !request.Stopping.Contains(s.Work)).ToList();
                if (work.Count + orders.Count > 0 || end.IsCompleted)
                {
                    return Ok(new ClaimResponse { Work = work, Stops = orders }, Json.ClaimResponse);
                }
            }

            await Task.WhenAny(more, end);
            stop.ThrowIfCancellationRequested();
        }
    }

    private (HttpStatusCode, byte[]) Beat(HeartbeatRequest request)
    {
        lock (gate)
        {
            Heartbeats++;
            Unready = request.Unready;
            if (request.Ahead is { } ahead)
            {
                Ahead.Enqueue(ahead);
            }

            return Ok(
                new HeartbeatResponse
                {
                    Refused = [.. request.Work.Select(w => w.Work).Where(w => !held.ContainsKey(w) || Refuse.Contains(w))],
                    Stops = [.. stops.Where(s => held.ContainsKey(s.Work))],
                },
                Json.HeartbeatResponse);
        }
    }

    private (HttpStatusCode, byte[]) About(string call, WorkId work, string query, byte[] body)
    {
        lock (gate)
        {
            if (call == "log")
            {
                var (taken, position) = logs.Append(work, HttpUtility.ParseQueryString(query), body);
                return (taken ? HttpStatusCode.OK : HttpStatusCode.RequestedRangeNotSatisfiable, JsonSerializer.SerializeToUtf8Bytes(position, Json.LogPosition));
            }

            if (call == "service")
            {
                var service = Read(body, Json.ServiceRequest);
                return Tell($"service {service.Service} {service.Outcome?.Word ?? "started"}");
            }

            if (call == "resume")
            {
                return Problem(AgentProblems.Ended);
            }

            if (call == "workflow-lost")
            {
                Hosted.Remove(work);
                return Tell("workflow-lost");
            }

            if (call == "result" && results.TryGetValue(work, out var first))
            {
                return first == Encoding.UTF8.GetString(body) ? (HttpStatusCode.NoContent, []) : Problem(AgentProblems.Ended);
            }

            if (!held.TryGetValue(work, out var item))
            {
                return Problem(AgentProblems.Stale);
            }

            var name = item.Task is WorkTask.Step step ? step.Plan.Name : KindOf(item).ToString().ToLowerInvariant();
            switch (call)
            {
                case "intent":
                    started.Add(work);
                    return Tell($"intent {name}");
                case "return":
                    if (started.Contains(work) && !(TakesBack && Read(body, Json.ReturnRequest).NothingRan))
                    {
                        return Problem(AgentProblems.Ended);
                    }

                    held.Remove(work);
                    started.Remove(work);
                    return Tell($"return {name}");
                default:
                    results[work] = Encoding.UTF8.GetString(body);
                    return Result(item, name, Read(body, Json.ResultRequest));
            }
        }
    }

    private (HttpStatusCode, byte[]) Result(WorkItem item, string name, ResultRequest request)
    {
        held.Remove(item.Id);
        var (word, more) = request.Result switch
        {
            WorkResult.Ended(var report) => (report.Outcome is Outcome.Error e ? $"error {e.Reason}: {e.Message}" : report.Outcome.Word, string.Concat(report.Outputs.Select(o => $" {o.Key}={o.Value}"))),
            WorkResult.Broken(var error) => ("broken " + error.Reason, ""),
            WorkResult.Ready => ("ready", ""),
            _ => ("released", ""),
        };
        if (request.Result is WorkResult.Ready)
        {
            Hosted[item.Id] = item.Fence;
        }
        else if (request.Result is WorkResult.Released)
        {
            Hosted.Remove(item.Start);
        }

        Reports[name] = request.Result;
        return Tell($"result {name} {word}{more}");
    }

    /// <summary>The last result of each piece of work.</summary>
    public ConcurrentDictionary<string, WorkResult> Reports { get; } = [];

    private (HttpStatusCode, byte[]) Tell(string what)
    {
        Told.Enqueue(what);
        return (HttpStatusCode.NoContent, []);
    }

    private static (HttpStatusCode, byte[]) Problem(string code) =>
        (HttpStatusCode.Conflict, Encoding.UTF8.GetBytes($$"""{"code":"{{code}}","detail":"the test's server says {{code}}"}"""));

    private static (HttpStatusCode, byte[]) Ok<T>(T answer, JsonTypeInfo<T> type) => (HttpStatusCode.OK, JsonSerializer.SerializeToUtf8Bytes(answer, type));

    private static T Read<T>(byte[] body, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(body, type)!;
}
