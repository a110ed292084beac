using System.Net;
using BuildRunner.Testing.Services;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>A <see cref="ScriptedServer"/> on a port of the loopback interface, for agents with a process of their own.</summary>
internal sealed class ScriptedServerFront : IDisposable
{
    private readonly ScriptedServer server;
    private readonly HttpListener listener = new();

    private ScriptedServerFront(ScriptedServer server, int port)
    {
        this.server = server;
        Address = $"http://127.0.0.1:{port}/";
        listener.Prefixes.Add(Address);
        listener.Start();
        _ = Task.Run(ServeAsync);
    }

    public string Address { get; }

    public static ScriptedServerFront Open(ScriptedServer server) => new(server, OwnedProcess.FreePort());

    public void Dispose() => listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var call = await listener.GetContextAsync();
                _ = Task.Run(() => AnswerAsync(call));
            }
        }
        catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(HttpListenerContext call)
    {
        try
        {
            using var body = new MemoryStream();
            await call.Request.InputStream.CopyToAsync(body);
            var (status, bytes) = await server.AnswerAsync(call.Request.HttpMethod, call.Request.Url!.AbsolutePath, call.Request.Url.Query, body.ToArray(), CancellationToken.None);
            call.Response.StatusCode = (int)status;
            await call.Response.OutputStream.WriteAsync(bytes);
            call.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or IOException or HttpRequestException or ObjectDisposedException)
        {
            // Lost on purpose, or the agent was killed.
            call.Response.Abort();
        }
    }
}
