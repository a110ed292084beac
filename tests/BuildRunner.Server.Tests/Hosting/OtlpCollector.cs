using System.Buffers.Binary;
using System.Collections.Concurrent;
using BuildRunner.Testing.Services;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>Takes what is exported by OTLP, over gRPC or as protobuf over HTTP, and keeps it as it came.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private const string Grpc = "/opentelemetry.proto.collector.";
    private readonly ConcurrentQueue<(string What, byte[] Request)> taken = new();
    private readonly WebApplication app;

    private OtlpCollector(WebApplication app, string address)
    {
        this.app = app;
        Address = address;
    }

    /// <summary>Where it listens.</summary>
    public string Address { get; }

    /// <summary>What came over one of its services: <c>traces</c> or <c>metrics</c>; a request each.</summary>
    public IEnumerable<Protobuf> Of(string what) => taken.Where(t => t.What == what).Select(t => new Protobuf(t.Request));

    /// <summary>Starts one.</summary>
    /// <param name="protocol">As the standard variable has it: <c>grpc</c> or <c>http/protobuf</c>.</param>
    public static async Task<OtlpCollector> StartAsync(string protocol)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var port = OwnedProcess.FreePort();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port, o => o.Protocols = protocol == "grpc" ? HttpProtocols.Http2 : HttpProtocols.Http1));
        var collector = new OtlpCollector(builder.Build(), $"http://localhost:{port}");
        collector.app.Run(collector.TakeAsync);
        await collector.app.StartAsync(TestContext.Current.CancellationToken);
        return collector;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        var path = http.Request.Path.Value!;
        if (path.StartsWith(Grpc, StringComparison.Ordinal) && http.Request.ContentType == "application/grpc")
        {
            // Not compressed, its length, the message; the answer is an empty message, and that all is well.
            var frame = body.ToArray();
            Assert.Equal((0, frame.Length - 5), (frame[0], BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(1))));
            taken.Enqueue((path.Contains(".trace.", StringComparison.Ordinal) ? "traces" : "metrics", frame[5..]));
            http.Response.ContentType = "application/grpc";
            await http.Response.Body.WriteAsync(new byte[5]);
            http.Response.AppendTrailer("grpc-status", "0");
        }
        else
        {
            Assert.Equal("application/x-protobuf", http.Request.ContentType);
            taken.Enqueue((path["/v1/".Length..], body.ToArray()));
            http.Response.ContentType = "application/x-protobuf";
        }
    }
}
