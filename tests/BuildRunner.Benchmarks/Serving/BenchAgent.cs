using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using System.Net.Http.Json;

namespace BuildRunner.Benchmarks.Serving;

/// <summary>An agent that runs nothing: it speaks the whole contract over HTTP, and every step of it succeeds at once.</summary>
internal sealed class BenchAgent : IDisposable
{
    private static readonly AgentContractJson Json = AgentContractJson.Default;
    private readonly HttpClient _http;
    private readonly Guid _session = Guid.NewGuid();
    private readonly SemaphoreSlim _slots;
    private readonly int _count;
    private int _busy;
    private long _claims;

    private BenchAgent(Uri server, int slots)
    {
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = server, Timeout = TimeSpan.FromMinutes(2) };
        _slots = new SemaphoreSlim(slots);
        _count = slots;
    }

    /// <summary>Told of each workflow and step that came, before it is done.</summary>
    public Action<WorkItem>? Taken { get; init; }

    /// <summary>Registers one.</summary>
    public static async Task<BenchAgent> RegisterAsync(ReleasedServer server, string name, int slots, Action<WorkItem> taken)
    {
        var token = (await server.PostAsync("/api/v1/agents/tokens", "{}")).GetProperty("token").GetString()!;
        var agent = new BenchAgent(server.Http.BaseAddress!, slots) { Taken = taken };
        var registered = await agent.AskAsync(AgentRoutes.Register, new RegisterRequest { Token = token, Name = name }, Json.RegisterRequest, Json.RegisterResponse);
        agent._http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", registered.Credential);
        var facts = new Dictionary<string, string> { ["platform"] = "linux/amd64", ["hostname"] = name, ["engine"] = "dummy" };
        await agent.AskAsync(AgentRoutes.Hello, new HelloRequest { Version = "0.1.0", Session = agent._session, Slots = slots, Facts = facts }, Json.HelloRequest, Json.HelloResponse);
        return agent;
    }

    /// <summary>Claims and works until it is stopped.</summary>
    /// <param name="claims">Gets how long each claim took that brought work.</param>
    /// <param name="stop">Ends it, after what it has.</param>
    public async Task RunAsync(Latencies claims, CancellationToken stop)
    {
        var working = new List<Task>();
        while (!stop.IsCancellationRequested)
        {
            await _slots.WaitAsync(CancellationToken.None);
            _slots.Release();
            var request = new ClaimRequest { Claim = Guid.NewGuid(), Session = _session, Number = ++_claims, FreeSlots = _count - Volatile.Read(ref _busy) };
            var began = Stopwatch.GetTimestamp();
            var answer = await AskAsync(AgentRoutes.Claim, request, Json.ClaimRequest, Json.ClaimResponse);
            if (answer.Work.Count > 0)
            {
                claims.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            foreach (var item in answer.Work)
            {
                Taken?.Invoke(item);
                await TakeAsync(item);
                working.Add(Task.Run(() => DoAsync(item), CancellationToken.None));
            }

            working.RemoveAll(w => w.IsCompletedSuccessfully);
        }

        await Task.WhenAll(working);
    }

    public void Dispose()
    {
        _http.Dispose();
        _slots.Dispose();
    }

    private async Task TakeAsync(WorkItem item)
    {
        if (item.Task is not WorkTask.Release)
        {
            await _slots.WaitAsync();
            Interlocked.Increment(ref _busy);
        }
    }

    private async Task DoAsync(WorkItem item)
    {
        if (item.Task is WorkTask.Step)
        {
            await TellAsync(AgentRoutes.For(AgentRoutes.Intent, item.Id), new IntentRequest { Fence = item.Fence, Image = "busybox" }, Json.IntentRequest);
        }

        WorkResult result = item.Task switch
        {
            WorkTask.Start => new WorkResult.Ready(),
            WorkTask.Step => new WorkResult.Ended(new StepReport { Outcome = new Outcome.Success(0) }),
            _ => new WorkResult.Released(),
        };
        await TellAsync(AgentRoutes.For(AgentRoutes.Result, item.Id), new ResultRequest { Fence = item.Fence, Result = result }, Json.ResultRequest);
        if (item.Task is not WorkTask.Release)
        {
            Interlocked.Decrement(ref _busy);
            _slots.Release();
        }
    }

    private async Task<TAnswer> AskAsync<TRequest, TAnswer>(string route, TRequest request, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answerType)
    {
        using var answer = await _http.PostAsJsonAsync(route, request, type);
        return answer.IsSuccessStatusCode
            ? (await answer.Content.ReadFromJsonAsync(answerType))!
            : throw new InvalidOperationException($"{route}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    private async Task TellAsync<TRequest>(string route, TRequest request, JsonTypeInfo<TRequest> type)
    {
        using var answer = await _http.PostAsJsonAsync(route, request, type);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{route}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
    }
}
