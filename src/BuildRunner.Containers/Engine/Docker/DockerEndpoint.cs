using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Docker.DotNet;
using Docker.DotNet.NativeHttp;
using Docker.DotNet.Unix;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Where a Docker Engine, or Podman's compatible service, listens.</summary>
/// <param name="Address"><c>unix:///PATH</c> or <c>tcp://HOST:PORT</c>.</param>
/// <param name="FoundBy">How it was found, for a person: <c>DOCKER_HOST</c>, <c>the context 'x'</c>.</param>
internal sealed record DockerEndpoint(Uri Address, string FoundBy)
{
    /// <summary>How to talk TLS; null: not at all.</summary>
    public DockerTls? Tls { get; init; }

    /// <summary>True: the engine is on this host for all that the address tells.</summary>
    public bool IsSocket => Address.Scheme == "unix";

    public override string ToString() => $"{Address.OriginalString} ({FoundBy})";

    /// <summary>A client; the engine's newest API version is spoken, of which only what is in 1.41 is used.</summary>
    public DockerClient CreateClient()
    {
        var builder = new DockerClientBuilder().WithEndpoint(Address).WithTimeout(Timeout.InfiniteTimeSpan);
        if (IsSocket)
        {
            return builder.WithTransportOptions(new UnixSocketTransportOptions()).Build();
        }

        var tls = Tls;
        return builder
            .WithAuthProvider(tls is null ? global::Docker.DotNet.Handler.Abstractions.NoopAuthProvider.Instance : tls)
            .WithTransportOptions(new NativeHttpTransportOptions { ConfigureHandler = h => Configure(h, tls) })
            .Build();
    }

    /// <summary>For what the client of <see cref="CreateClient"/> does not pass on as it came: documents and builds. Its addresses are relative.</summary>
    public HttpClient CreateHttpClient()
    {
        var handler = new SocketsHttpHandler { UseProxy = false };
        if (IsSocket)
        {
            handler.ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(Address.LocalPath), cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }
        else
        {
            Configure(handler, Tls);
        }

        var address = IsSocket ? new Uri("http://engine/v1.41/") : new Uri($"{(Tls is null ? "http" : "https")}://{Address.Authority}/v1.41/");
        return new HttpClient(handler) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
    }

    private static void Configure(SocketsHttpHandler handler, DockerTls? tls)
    {
        // Every running container holds a connection; the engine is no stranger's server that wants to be spared.
        handler.MaxConnectionsPerServer = int.MaxValue;
        tls?.Configure(handler);
    }
}

/// <summary>Certificates towards an engine, as the docker client keeps them: <c>ca.pem</c>, <c>cert.pem</c>, <c>key.pem</c>.</summary>
/// <param name="Directory">Where they are.</param>
/// <param name="Verify">False: the engine's certificate is not checked.</param>
internal sealed record DockerTls(string Directory, bool Verify) : global::Docker.DotNet.Handler.Abstractions.IAuthProvider
{
    public bool TlsEnabled => true;

    public HttpMessageHandler ConfigureHandler(HttpMessageHandler handler) => handler;

    /// <exception cref="ContainerException">A file is missing or no certificate.</exception>
    public void Configure(SocketsHttpHandler handler)
    {
        var options = handler.SslOptions;
        try
        {
            var (certificate, key) = (Path.Combine(Directory, "cert.pem"), Path.Combine(Directory, "key.pem"));
            if (File.Exists(certificate) && File.Exists(key))
            {
                options.ClientCertificates = [X509Certificate2.CreateFromPemFile(certificate, key)];
            }

            if (!Verify)
            {
                // The user said so: DOCKER_TLS without DOCKER_TLS_VERIFY, or a context with SkipTLSVerify.
#pragma warning disable CA5359
                options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
            }
            else if (Path.Combine(Directory, "ca.pem") is var authority && File.Exists(authority))
            {
                var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                policy.CustomTrustStore.ImportFromPemFile(authority);
                options.CertificateChainPolicy = policy;
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new ContainerException(
                ContainerFailure.EngineUnavailable,
                $"the certificates in '{Directory}' cannot be read: {problem.Message}; they are ca.pem, cert.pem and key.pem",
                innerException: problem);
        }
    }
}
