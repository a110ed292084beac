namespace BuildRunner.Agent.Tests.Work;

/// <summary>A connection to a <see cref="ScriptedServer"/> in the same process.</summary>
internal sealed class ScriptedServerHandler(ScriptedServer server) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        var uri = request.RequestUri!;
        var (status, bytes) = await server.AnswerAsync(request.Method.Method, uri.AbsolutePath, uri.Query, body, cancellationToken);
        return new HttpResponseMessage(status) { Content = new ByteArrayContent(bytes), RequestMessage = request };
    }
}
