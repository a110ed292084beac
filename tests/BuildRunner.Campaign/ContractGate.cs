using System.Net;
using System.Net.Http.Headers;
using BuildRunner.Testing.Services;

namespace BuildRunner.Campaign;

/// <summary>Stands between an agent and its server, and lets a trap hold or lose what passes. It knows the contract's paths and nothing else of the product.</summary>
public sealed class ContractGate : IDisposable
{
    private static readonly string[] OfTheConnection = ["Host", "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Date", "Server"];

    private readonly HttpListener listener = new();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1) }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly string agent;
    private readonly string target;
    private CancellationTokenSource claims = new();
    private TaskCompletionSource open = Opened();

    private ContractGate(string agent, string target, string address, TimeSpan patience)
    {
        Silence = new Silence(patience);
        this.agent = agent;
        this.target = target;
        Address = address;
        listener.Prefixes.Add(address);
    }

    /// <summary>What the agent takes for its server.</summary>
    public string Address { get; }

    /// <summary>Told of every call before it is forwarded. False: it is lost.</summary>
    public Func<ContractCall, Task<bool>> OnCall { get; set; } = _ => Task.FromResult(true);

    /// <summary>Told of every answer before it is handed on. False: it is lost.</summary>
    public Func<ContractCall, Task<bool>> OnAnswer { get; set; } = _ => Task.FromResult(true);

    /// <summary>How its heartbeats fare.</summary>
    public Silence Silence { get; }

    /// <summary>Opens one.</summary>
    /// <param name="agent">The agent's name.</param>
    /// <param name="target">Its server.</param>
    /// <param name="patience">How long the agent waits for the answer to a heartbeat.</param>
    public static ContractGate Open(string agent, string target, TimeSpan patience)
    {
        var gate = new ContractGate(agent, target, $"http://127.0.0.1:{OwnedProcess.FreePort()}/", patience);
        gate.listener.Start();
        _ = Task.Run(gate.ServeAsync);
        return gate;
    }

    /// <summary>Nothing passes any more, and nobody is told so: packets vanish.</summary>
    public void Cut() => open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Everything passes again; what was on its way is lost.</summary>
    public void Heal() => open.TrySetResult();

    /// <summary>Claims that wait at the server are given up.</summary>
    public void GiveUpClaims() => Interlocked.Exchange(ref claims, new CancellationTokenSource()).Cancel();

    public void Dispose()
    {
        Heal();
        listener.Close();
        http.Dispose();
    }

    private static TaskCompletionSource Opened()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await listener.GetContextAsync();
                _ = Task.Run(() => PassAsync(context));
            }
        }
        catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
        {
            // The campaign is over.
        }
    }

    private async Task PassAsync(HttpListenerContext context)
    {
        try
        {
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            var parts = context.Request.Url!.AbsolutePath.Trim('/').Split('/');
            var call = new ContractCall(agent, parts[^1], parts.Length == 5 && parts[2] == "work" ? ContractCall.Plain(parts[3]) : null, body.ToArray());
            var asked = TimeProvider.System.GetTimestamp();
            var beats = call.Name == "heartbeat";
            (beats ? Silence : null)?.Asked();
            if (await PassesAsync() && await OnCall(call) && await PassesAsync() && await ForwardAsync(context, call) is { } answer && await OnAnswer(call) && await PassesAsync())
            {
                (beats && answer.IsSuccessStatusCode ? Silence : null)?.Answered(asked);
                await AnswerAsync(context.Response, answer, call.Answer);
                return;
            }
        }
        catch (Exception e) when (e is HttpListenerException or IOException or HttpRequestException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            // One of the two is gone.
        }

        Break(context.Response);
    }

    // Half an answer and the end of the connection: without the half the listener would answer 200.
    private static void Break(HttpListenerResponse response)
    {
        try
        {
            response.ContentLength64 = 2;
            response.OutputStream.Write("{"u8);
            response.Abort();
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The agent is gone.
        }
    }

    /// <summary>Whether what is on its way arrives: not if the line was cut meanwhile.</summary>
    private async Task<bool> PassesAsync()
    {
        var line = open.Task;
        var whole = line.IsCompleted;
        await line;
        return whole;
    }

    private async Task<HttpResponseMessage?> ForwardAsync(HttpListenerContext context, ContractCall call)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.HttpMethod), target + context.Request.RawUrl!.TrimStart('/'));
        if (call.Body.Length > 0)
        {
            request.Content = new ByteArrayContent(call.Body);
            request.Content.Headers.ContentType = context.Request.ContentType is { } type ? MediaTypeHeaderValue.Parse(type) : null;
        }

        foreach (var name in context.Request.Headers.AllKeys.OfType<string>().Where(n => !OfTheConnection.Contains(n, StringComparer.OrdinalIgnoreCase)))
        {
            request.Headers.TryAddWithoutValidation(name, context.Request.Headers[name]);
        }

        var answer = await http.SendAsync(request, call.Name == "claim" ? claims.Token : CancellationToken.None);
        call.Status = (int)answer.StatusCode;
        call.Answer = await answer.Content.ReadAsByteArrayAsync();
        return answer;
    }

    private static async Task AnswerAsync(HttpListenerResponse response, HttpResponseMessage answer, byte[] body)
    {
        response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(h => !OfTheConnection.Contains(h.Key, StringComparer.OrdinalIgnoreCase)))
        {
            response.Headers[name] = string.Join(", ", values);
        }

        answer.Dispose();
        if (body.Length > 0)
        {
            response.ContentLength64 = body.Length;
            await response.OutputStream.WriteAsync(body);
        }

        response.Close();
    }
}
