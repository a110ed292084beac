using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Testing.Docker;

/// <summary>Stands before an engine that speaks no TLS, on a port of the loopback interface: whoever comes shows a certificate of the same authority, and gets one.</summary>
public sealed class TlsFront : IAsyncDisposable
{
    private readonly TestFolder _folder = TestFolder.Create();
    private readonly LoopbackServer _server;
    private readonly X509Certificate2 _certificate;
    private readonly X509ChainPolicy _policy;
    private readonly string _socket;

    /// <param name="socket">Where the engine listens.</param>
    public TlsFront(string socket)
    {
        _socket = socket;
        var made = TestCertificate.Create();
        File.WriteAllText(_folder["ca.pem"], made.AuthorityPem);
        File.WriteAllText(_folder["cert.pem"], made.CertificatePem);
        File.WriteAllText(_folder["key.pem"], made.KeyPem);
        _certificate = X509Certificate2.CreateFromPem(made.CertificatePem, made.KeyPem);
        _policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        _policy.CustomTrustStore.ImportFromPem(made.AuthorityPem);
        _server = LoopbackServer.Start(ServeAsync);
    }

    /// <summary>As <c>DOCKER_HOST</c> has it.</summary>
    public string Host => $"tcp://{_server.Host}";

    /// <summary>The folder with <c>ca.pem</c>, <c>cert.pem</c> and <c>key.pem</c>.</summary>
    public string Certificates => _folder.Path;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _certificate.Dispose();
        _folder.Dispose();
    }

    private async Task ServeAsync(Socket near, CancellationToken stopped)
    {
        await using var secure = new SslStream(new NetworkStream(near));
        var options = new SslServerAuthenticationOptions { ServerCertificate = _certificate, ClientCertificateRequired = true, CertificateChainPolicy = _policy };
        await secure.AuthenticateAsServerAsync(options, stopped);
        using var far = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await far.ConnectAsync(new UnixDomainSocketEndPoint(_socket), stopped);
        await using var plain = new NetworkStream(far);
        await Task.WhenAll(CopyAsync(secure, plain, () => far.Shutdown(SocketShutdown.Send), stopped), CopyAsync(plain, secure, () => near.Shutdown(SocketShutdown.Send), stopped));
    }

    private static async Task CopyAsync(Stream from, Stream to, Action end, CancellationToken stopped)
    {
        await from.CopyToAsync(to, stopped);
        end();
    }
}
