using System.Net.Http.Headers;
using System.Net.Sockets;

namespace BuildRunner.Testing.Docker;

/// <summary>Plain HTTP with an engine at a socket, independent of the code under test.</summary>
public static class EngineHttp
{
    /// <summary>A client whose addresses are relative to the API.</summary>
    public static HttpClient At(string socket) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, stop) =>
        {
            var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), stop);
                return new NetworkStream(connection, ownsSocket: true);
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        },
    })
    { BaseAddress = new Uri("http://engine/v1.41/") };

    /// <summary>Loads an archive as <c>docker load</c> does.</summary>
    public static async Task LoadAsync(this ITestEngine engine, string archive)
    {
        using var http = At(engine.Socket);
        await using var file = File.OpenRead(archive);
        using var content = new StreamContent(file);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
        using var answer = await http.PostAsync("images/load?quiet=1", content);
        var text = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode || !text.Contains("Loaded image", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"the engine did not load {archive}: {text}");
        }
    }
}
