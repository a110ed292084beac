using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using BuildRunner.Testing.Services;

namespace BuildRunner.Testing.Registries;

/// <summary>Debian's <c>docker-registry</c> on a free port of the loopback interface, with a data folder of its own.</summary>
/// <remarks>Disposing it ends the process and removes the data.</remarks>
public sealed class RegistryServer : IAsyncDisposable
{
    /// <summary>The user that a registry with passwords knows.</summary>
    public const string User = "tester";

    /// <summary>That user's password.</summary>
    public const string Password = "opensesame";

    // bcrypt of the password at the lowest cost: the registry checks it on every request.
    private const string PasswordFile = User + ":$2b$04$DIHOkLd4cQb.RFnbVlOhy.IdyN.SnCisuw7dgI1glCIM5uXFx/ccK\n";

    private readonly TestFolder _folder;
    private readonly RegistryServerOptions _options;
    private Process? _process;

    private RegistryServer(RegistryServerOptions options)
    {
        _options = options;
        _folder = TestFolder.Create();
        Http = new HttpClient(options.Certificate is null
            ? new SocketsHttpHandler { UseProxy = false }
            : new SocketsHttpHandler { UseProxy = false, SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Issuer == TestCertificate.Authority } });
    }

    /// <summary><c>127.0.0.1:PORT</c>, as it stands in an image reference.</summary>
    public string Host { get; private set; } = "";

    /// <summary>The folder with the registry's files.</summary>
    public string DataFolder => _folder["data"];

    /// <summary>A client that is logged in where that is needed.</summary>
    public HttpClient Http { get; }

    /// <summary>Starts a registry and waits until it answers.</summary>
    public static async Task<RegistryServer> StartAsync(RegistryServerOptions? options = null, CancellationToken cancellationToken = default)
    {
        Requires.Program("docker-registry");
        var server = new RegistryServer(options ?? new RegistryServerOptions());
        try
        {
            // Another process may take the port between the choice and its use.
            for (var attempt = 1; !await server.TryStartAsync(cancellationToken); attempt++)
            {
                if (attempt == 5)
                {
                    throw new InvalidOperationException("docker-registry did not start");
                }
            }

            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the process, keeping its data; <see cref="RestartAsync"/> brings it back on the same port.</summary>
    public async Task StopAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    /// <summary>Starts it again on the port that it had.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        if (!await TryStartAsync(cancellationToken))
        {
            throw new InvalidOperationException("docker-registry did not start again");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Http.Dispose();
        _folder.Dispose();
    }

    private async Task<bool> TryStartAsync(CancellationToken cancellationToken)
    {
        if (Host.Length == 0)
        {
            Host = $"127.0.0.1:{OwnedProcess.FreePort()}";
        }

        Http.BaseAddress ??= new Uri($"{(_options.Certificate is null ? "http" : "https")}://{Host}");
        var configuration = _folder["config.yml"];
        await File.WriteAllTextAsync(configuration, Configuration(), cancellationToken);
        _process = Process.Start(new ProcessStartInfo(Requires.Find("docker-registry")!)
        {
            ArgumentList = { "serve", configuration },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += static (_, _) => { };
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        return await WaitUntilItAnswersAsync(_process, cancellationToken);
    }

    private async Task<bool> WaitUntilItAnswersAsync(Process process, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while (!process.HasExited)
        {
            try
            {
                using var answer = await Http.GetAsync("/v2/", deadline.Token);
                return !process.HasExited;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
                await Task.Delay(10, deadline.Token);
            }
        }

        Host = "";
        Http.BaseAddress = null;
        return false;
    }

    private string Configuration()
    {
        var text = new StringBuilder();
        text.Append($"version: 0.1\nlog: {{level: error}}\nstorage:\n  delete: {{enabled: true}}\n  filesystem: {{rootdirectory: {DataFolder}}}\n");
        text.Append($"http:\n  addr: {Host}\n  secret: test\n");
        if (_options.Certificate is { } certificate)
        {
            File.WriteAllText(_folder["tls.crt"], certificate.CertificatePem);
            File.WriteAllText(_folder["tls.key"], certificate.KeyPem);
            text.Append($"  tls:\n    certificate: {_folder["tls.crt"]}\n    key: {_folder["tls.key"]}\n");
        }

        if (_options.NeedsPassword)
        {
            File.WriteAllText(_folder["htpasswd"], PasswordFile);
            text.Append($"auth:\n  htpasswd:\n    realm: test\n    path: {_folder["htpasswd"]}\n");
            var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"));
            Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", basic);
        }

        return text.ToString();
    }
}

/// <summary>How to start a registry.</summary>
public sealed record RegistryServerOptions
{
    /// <summary>True: only <see cref="RegistryServer.User"/> may do anything, by basic authentication.</summary>
    public bool NeedsPassword { get; init; }

    /// <summary>Speaks TLS with this certificate; null: plain HTTP.</summary>
    public TestCertificate? Certificate { get; init; }
}
