using System.Net;
using BuildRunner.Testing.Services;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Stands before a server on the wire, and can keep back the answers to what was done there.</summary>
internal sealed class HoldingProxy : IAsyncDisposable
{
    private readonly HttpListener listener = new();
    private readonly HttpClient back;
    private readonly CancellationTokenSource end = new();
    private volatile Hold? holding;
    private readonly Task accepting;

    public HoldingProxy(Uri server)
    {
        back = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = server };
        Address = new Uri($"http://127.0.0.1:{OwnedProcess.FreePort()}/");
        listener.Prefixes.Add(Address.AbsoluteUri);
        listener.Start();
        accepting = AcceptAsync();
    }

    /// <summary>Its address, with a slash at its end.</summary>
    public Uri Address { get; }

    /// <summary>Keeps back the answers to some requests from now on, once the server has done them.</summary>
    /// <returns>Done when the first answer is kept back.</returns>
    public Task KeepBack(Func<HttpListenerRequest, bool> which)
    {
        var made = new Hold(which, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        holding = made;
        return made.First.Task;
    }

    /// <summary>Hands on all answers from now on. Those that were kept back never come.</summary>
    public void HandOn() => holding = null;

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        listener.Stop();
        await accepting;
        back.Dispose();
        end.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                _ = HandleAsync(await listener.GetContextAsync());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        try
        {
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            using var request = new HttpRequestMessage(new HttpMethod(context.Request.HttpMethod), context.Request.RawUrl);
            if (body.Length > 0)
            {
                request.Content = new ByteArrayContent(body.ToArray());
                request.Content.Headers.ContentType = new("application/json");
            }

            foreach (var name in new[] { "Authorization", "Accept" })
            {
                request.Headers.TryAddWithoutValidation(name, context.Request.Headers[name]);
            }

            using var answer = await back.SendAsync(request);
            var bytes = await answer.Content.ReadAsByteArrayAsync();
            if (holding is { } hold && hold.Which(context.Request))
            {
                hold.First.TrySetResult();
                await Task.Delay(Timeout.Infinite, end.Token);
            }

            context.Response.StatusCode = (int)answer.StatusCode;
            context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
            await context.Response.OutputStream.WriteAsync(bytes);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpRequestException or HttpListenerException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever asked is gone, or the test is at its end.
            context.Response.Abort();
        }
    }

    private sealed record Hold(Func<HttpListenerRequest, bool> Which, TaskCompletionSource First);
}
