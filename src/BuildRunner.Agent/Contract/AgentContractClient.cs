using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Contract;

/// <summary>Speaks the agent contract (<see cref="AgentRoutes"/>) over HTTP.</summary>
/// <remarks>
/// What is no answer of the server (no connection, no reply in time, 408, 429, 5xx, and once a server was understood at this address also a proxy's own page or an
/// empty one) is tried again, the same call, with growing pauses, until the caller gives up: every call may arrive twice. Calls named <c>Once</c> are tried once, because their callers have more to do than to wait. An answer that ends the agent's
/// work here is a <see cref="ContractException"/>; a refusal of one piece of work is a result.
/// </remarks>
/// <param name="http">With the server's address; the client sets no limit of its own.</param>
/// <param name="time">The clock of pauses and limits.</param>
internal sealed class AgentContractClient(HttpClient http, TimeProvider time)
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);
    private static readonly AgentContractJson Json = AgentContractJson.Default;

    private int silent;
    private volatile bool known;

    /// <summary>Told when the server stops answering and when it answers again; with why, or null.</summary>
    public event Action<string?>? Silence;

    /// <summary>The credential of every call but the registration.</summary>
    public string? Credential { get; set; }

    public Task<RegisterResponse> RegisterAsync(RegisterRequest request, CancellationToken stop) =>
        AskAsync(AgentRoutes.Register, request, Json.RegisterRequest, Json.RegisterResponse, stop);

    public Task<HelloResponse> HelloAsync(HelloRequest request, CancellationToken stop) =>
        AskAsync(AgentRoutes.Hello, request, Json.HelloRequest, Json.HelloResponse, stop);

    /// <summary>One try. Null: no answer came.</summary>
    /// <param name="request">The claim.</param>
    /// <param name="wait">How long the server may wait for work.</param>
    /// <param name="stop">Gives the try up.</param>
    public Task<ClaimResponse?> ClaimOnceAsync(ClaimRequest request, TimeSpan wait, CancellationToken stop) =>
        TryAskAsync(AgentRoutes.Claim, request, Json.ClaimRequest, Json.ClaimResponse, wait + AnswerLimit, stop);

    /// <summary>One try. Null: no answer came.</summary>
    public Task<HeartbeatResponse?> HeartbeatOnceAsync(HeartbeatRequest request, TimeSpan limit, CancellationToken stop) =>
        TryAskAsync(AgentRoutes.Heartbeat, request, Json.HeartbeatRequest, Json.HeartbeatResponse, limit, stop);

    /// <summary>One try: whoever leaves does not wait for the door.</summary>
    public async Task GoodbyeOnceAsync(GoodbyeRequest request, CancellationToken stop)
    {
        try
        {
            using var answer = await TrySendAsync(HttpMethod.Post, AgentRoutes.Goodbye, () => Body(request, Json.GoodbyeRequest), AnswerLimit, stop);
        }
        catch (ContractException)
        {
            // It has gone anyway.
        }
    }

    /// <returns>Null: taken; otherwise why not.</returns>
    public Task<WorkRefusal?> IntentAsync(WorkId work, IntentRequest request, CancellationToken stop) => TellAsync(AgentRoutes.Intent, work, request, Json.IntentRequest, stop);

    /// <returns>Null: taken; otherwise why not.</returns>
    public Task<WorkRefusal?> ResultAsync(WorkId work, ResultRequest request, CancellationToken stop) => TellAsync(AgentRoutes.Result, work, request, Json.ResultRequest, stop);

    /// <returns>Null: taken; otherwise why not.</returns>
    public Task<WorkRefusal?> ReturnAsync(WorkId work, ReturnRequest request, CancellationToken stop) => TellAsync(AgentRoutes.Return, work, request, Json.ReturnRequest, stop);

    /// <returns>Null: taken; otherwise why not.</returns>
    public Task<WorkRefusal?> ServiceAsync(WorkId work, ServiceRequest request, CancellationToken stop) => TellAsync(AgentRoutes.Service, work, request, Json.ServiceRequest, stop);

    /// <returns>The workflow; null: it does not go on here.</returns>
    public async Task<ResumeResponse?> ResumeAsync(WorkId work, ResumeRequest request, CancellationToken stop)
    {
        using var answer = await SendAsync(HttpMethod.Post, AgentRoutes.For(AgentRoutes.Resume, work), () => Body(request, Json.ResumeRequest), stop);
        return answer.IsSuccessStatusCode ? await ReadAsync(answer, Json.ResumeResponse, stop) : null;
    }

    /// <returns>Null: taken; otherwise why not.</returns>
    public Task<WorkRefusal?> WorkflowLostAsync(WorkId work, WorkflowLostRequest request, CancellationToken stop) =>
        TellAsync(AgentRoutes.WorkflowLost, work, request, Json.WorkflowLostRequest, stop);

    /// <summary>Sends a range of a log.</summary>
    /// <returns>Where the log stands at the server, whether the range was taken or not (416); or why nothing of it is taken.</returns>
    public async Task<(LogPosition? Position, WorkRefusal? Refusal)> LogAsync(
        WorkId work, string stream, long fence, long offset, ReadOnlyMemory<byte> bytes, string? sha256, LogDelay delay, CancellationToken stop)
    {
        var route = AgentRoutes.ForLog(work, stream, fence, offset, sha256, delay);
        using var answer = await SendAsync(HttpMethod.Put, route, () => new ReadOnlyMemoryContent(bytes), stop);
        return answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.RequestedRangeNotSatisfiable
            ? (await ReadAsync(answer, Json.LogPosition, stop), null)
            : (null, await RefusalOfAsync(answer, stop));
    }

    private async Task<TAnswer> AskAsync<TRequest, TAnswer>(
        string route, TRequest request, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answerType, CancellationToken stop)
        where TAnswer : class
    {
        using var answer = await SendAsync(HttpMethod.Post, route, () => Body(request, type), stop);
        return answer.IsSuccessStatusCode ? await ReadAsync(answer, answerType, stop) : throw await BrokenAsync(answer, route, stop);
    }

    private async Task<TAnswer?> TryAskAsync<TRequest, TAnswer>(
        string route, TRequest request, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answerType, TimeSpan limit, CancellationToken stop)
        where TAnswer : class
    {
        using var answer = await TrySendAsync(HttpMethod.Post, route, () => Body(request, type), limit, stop);
        return answer is null ? null
            : answer.IsSuccessStatusCode ? await ReadAsync(answer, answerType, stop)
            : IsNoAnswer(answer.StatusCode) ? null
            : throw await BrokenAsync(answer, route, stop);
    }

    private async Task<WorkRefusal?> TellAsync<TRequest>(string route, WorkId work, TRequest request, JsonTypeInfo<TRequest> type, CancellationToken stop)
    {
        using var answer = await SendAsync(HttpMethod.Post, AgentRoutes.For(route, work), () => Body(request, type), stop);
        return answer.IsSuccessStatusCode ? null : await RefusalOfAsync(answer, stop);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string route, Func<HttpContent> body, CancellationToken stop)
    {
        var pauses = new RetryPauses();
        while (true)
        {
            TimeSpan? wanted = null;
            if (await TrySendAsync(method, route, body, AnswerLimit, stop) is { } answer)
            {
                if (!IsNoAnswer(answer.StatusCode))
                {
                    return answer;
                }

                wanted = answer.Headers.RetryAfter?.Delta;
                answer.Dispose();
            }

            await Task.Delay(pauses.Next(wanted), time, stop);
        }
    }

    private async Task<HttpResponseMessage?> TrySendAsync(HttpMethod method, string route, Func<HttpContent> body, TimeSpan limit, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(method, route) { Content = body() };
        if (Credential is { } credential && route != AgentRoutes.Register)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        }

        using var expired = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(expired.Token, stop);
        try
        {
            var answer = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, either.Token);
            if (known && IsForeign(answer))
            {
                Note($"something else answers in its place: {(int)answer.StatusCode} {answer.Content.Headers.ContentType}");
                answer.Dispose();
                return null;
            }

            Note(IsNoAnswer(answer.StatusCode) ? $"it answers {(int)answer.StatusCode}" : null);
            await ThrowIfOverAsync(answer, stop);
            return answer;
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            // No answer: the caller tries again.
            Note(e is OperationCanceledException ? $"no answer in {limit.TotalSeconds:0} s" : e.Message);
            return null;
        }
    }

    private static async Task ThrowIfOverAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        switch (answer.StatusCode)
        {
            case HttpStatusCode.Unauthorized:
                throw new ContractException(
                    ContractFailure.Credential,
                    "the server does not know this agent's credential any more; remove the file 'credential' in its folder and register it again with a token of: buildrunner agent token");
            case HttpStatusCode.UpgradeRequired:
                throw new ContractException(ContractFailure.Version, (await ProblemAsync(answer, stop)).Why);
            case HttpStatusCode.Forbidden when (await ProblemAsync(answer, stop)) is { Code: AgentProblems.Token } problem:
                throw new ContractException(ContractFailure.Token, problem.Why);
        }
    }

    private static async Task<WorkRefusal> RefusalOfAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        var problem = await ProblemAsync(answer, stop);
        return answer.StatusCode == HttpStatusCode.Conflict ? problem : problem with { Code = "rejected", Why = $"the server answers {(int)answer.StatusCode}: {problem.Why}" };
    }

    private static async Task<ContractException> BrokenAsync(HttpResponseMessage answer, string route, CancellationToken stop) => new(
        ContractFailure.Message,
        $"what answers {route} is no BuildRunner server that this agent understands: {(int)answer.StatusCode} {(await ProblemAsync(answer, stop)).Why}");

    private static async Task<WorkRefusal> ProblemAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        var text = await answer.Content.ReadAsStringAsync(stop);
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            return new WorkRefusal(TextOf(root, "code"), TextOf(root, "detail") is { Length: > 0 } detail ? detail : TextOf(root, "title"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Something between us and the server answered in its own way; the first words of it help whoever looks for it.
            return new WorkRefusal("", text.Length > 200 ? text[..200] : text);
        }
    }

    private static string TextOf(JsonElement problem, string name) =>
        problem.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private async Task<T> ReadAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> type, CancellationToken stop)
        where T : class
    {
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(stop);
            var read = await JsonSerializer.DeserializeAsync(body, type, stop) ?? throw new JsonException("it is null");
            known = true;
            return read;
        }
        catch (JsonException e)
        {
            throw new ContractException(ContractFailure.Message, $"what answers at {answer.RequestMessage?.RequestUri} is no BuildRunner server that this agent understands: {e.Message}");
        }
    }

    private static ByteArrayContent Body<T>(T request, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(request, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    // The server's words are JSON, or nothing at all with 204.
    private static bool IsForeign(HttpResponseMessage answer) => answer.Content.Headers is var headers && (headers.ContentType?.MediaType is { } type
        ? type is not ("application/json" or "application/problem+json")
        : answer.StatusCode == HttpStatusCode.OK && headers.ContentLength == 0);

    private static bool IsNoAnswer(HttpStatusCode status) => (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;

    private void Note(string? problem)
    {
        if (Interlocked.Exchange(ref silent, problem is null ? 0 : 1) != (problem is null ? 0 : 1))
        {
            Silence?.Invoke(problem);
        }
    }
}
