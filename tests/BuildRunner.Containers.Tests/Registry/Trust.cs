using System.Diagnostics;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Tests.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Registry;

/// <summary>Whom a connection to a registry is made to, and how: certificates, plain HTTP, proxies.</summary>
public sealed class Trust
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_private_authority_is_believed_for_its_registry_and_nobody_unknown_ever_is()
    {
        var certificate = TestCertificate.Create();
        await using var fixture = await StoreFixture.StartAsync(new RegistryServerOptions { Certificate = certificate });
        var reference = await fixture.Registry.PushAsync(TestImage.Busybox, "image", cancellationToken: Cancellation);
        var folder = Path.Combine(Path.GetDirectoryName(fixture.Root)!, "certs.d");

        var unknown = await Assert.ThrowsAsync<ContainerException>(() => fixture.Store.PullAsync(reference, new PullOptions(), null, Cancellation));
        await WriteAsync(Path.Combine(folder, "registry.example"), certificate);
        var elsewhere = await FailsAsync(fixture, reference);
        await WriteAsync(Path.Combine(folder, fixture.Registry.Host), TestCertificate.Create());
        var wrong = await FailsAsync(fixture, reference);
        await WriteAsync(Path.Combine(folder, fixture.Registry.Host), certificate);
        using var store = fixture.Open();

        Assert.Contains($"/etc/containers/certs.d/{fixture.Registry.Host}/ca.crt", unknown.Message, StringComparison.Ordinal);
        Assert.All([unknown, elsewhere, wrong], error => Assert.Equal(ContainerFailure.RegistryUnavailable, error.Reason));
        Assert.NotNull(await store.PullAsync(reference, new PullOptions(), null, Cancellation));
    }

    [Fact]
    public async Task A_registry_without_TLS_is_spoken_to_only_if_it_is_listed()
    {
        Requires.Root();
        Requires.Program("unshare", "ip", "docker-registry");
        using var folder = TestFolder.Create();
        await using (var registry = await RegistryServer.StartAsync(cancellationToken: Cancellation))
        {
            await registry.PushAsync(TestImage.Busybox, "image", cancellationToken: Cancellation);
            UnpackFixture.Run("cp", "-r", registry.DataFolder, folder["data"]);
        }

        await File.WriteAllTextAsync(
            folder["config.yml"], $"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder["data"]}}}}}\nhttp: {{addr: '10.9.8.7:5000'}}\n", Cancellation);
        var image = Reference("10.9.8.7:5000/image");

        Assert.Contains("Images:Insecure", await ElsewhereAsync(folder, image, []), StringComparison.Ordinal);
        Assert.Contains("Images:Insecure", await ElsewhereAsync(folder, image, ["10.9.8.7:5001"]), StringComparison.Ordinal);
        Assert.Equal("pulled", await ElsewhereAsync(folder, image, ["10.9.8.7:5000"]));
    }

    [Fact]
    public async Task The_environments_proxy_is_asked_for_every_host_but_this_one()
    {
        using var folder = TestFolder.Create();
        await using var proxy = FakeRegistry.Start(async (request, answer) =>
        {
            if (request.Method != "CONNECT")
            {
                return false;
            }

            await answer.SendAsync(502, []);
            return answer.IsLast = true;
        });
        await using var registry = FakeRegistry.Start();
        var here = registry.Serve(TestImage.Busybox);

        Assert.Contains("registry.example", await BehindAsync(proxy, folder["store"], Reference("registry.example/image")), StringComparison.Ordinal);
        Assert.Equal("pulled", await BehindAsync(proxy, folder["store"], here));

        Assert.All(proxy.Requests, request => Assert.Equal("CONNECT registry.example:443", $"{request.Method} {request.Path}"));
        Assert.NotEmpty(proxy.Requests);
    }

    [Fact]
    public async Task An_image_comes_through_a_proxy_that_wants_a_password_by_a_tunnel_and_in_plain()
    {
        using var folder = TestFolder.Create();
        var certificate = TestCertificate.Create();
        await using var registry = await RegistryServer.StartAsync(new RegistryServerOptions { Certificate = certificate }, Cancellation);
        await registry.PushAsync(TestImage.Busybox, "image", cancellationToken: Cancellation);
        await using var plain = FakeRegistry.Start();
        plain.Serve(TestImage.Busybox);
        await using var proxy = ForwardProxy.Start(new Dictionary<string, string> { [$"{TestCertificate.Elsewhere}:443"] = registry.Host, ["plain.example:5000"] = plain.Host });
        await WriteAsync(folder[$"certs.d/{TestCertificate.Elsewhere}"], certificate);
        var tunnelled = Reference($"{TestCertificate.Elsewhere}/image");
        var fetched = Reference("plain.example:5000/image");

        // Neither name is known to anybody but the proxy.
        Assert.Contains(TestCertificate.Elsewhere, await ThroughAsync(folder, "one", tunnelled, $"http://wrong:login@{proxy.Host}"), StringComparison.Ordinal);
        Assert.Empty(proxy.Passed);
        Assert.Equal("pulled", await ThroughAsync(folder, "two", tunnelled, $"http://{ForwardProxy.Login}@{proxy.Host}"));
        Assert.All(proxy.Passed, line => Assert.Equal($"CONNECT {TestCertificate.Elsewhere}:443", line));
        Assert.NotEmpty(proxy.Passed);
        Assert.Equal("pulled", await ThroughAsync(folder, "three", fetched, $"http://{ForwardProxy.Login}@{proxy.Host}"));
        Assert.Contains("GET http://plain.example:5000/v2/image/manifests/latest", proxy.Passed);
        Assert.DoesNotContain(plain.Requests, request => request.Headers.ContainsKey("Proxy-Authorization"));
    }

    private static Task<string> ThroughAsync(TestFolder folder, string store, ImageReference image, string proxy)
    {
        var start = PullingChild.Describe(folder[store], image, ["plain.example:5000"]);
        start.Environment["HTTPS_PROXY"] = start.Environment["HTTP_PROXY"] = proxy;
        start.Environment["NO_PROXY"] = "";
        start.Environment[PullingChild.Certificates] = folder["certs.d"];
        return FirstLineAsync(start);
    }

    private static ImageReference Reference(string text) => ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);

    private static async Task WriteAsync(string folder, TestCertificate certificate)
    {
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "ca.crt"), certificate.AuthorityPem, Cancellation);
    }

    private static async Task<ContainerException> FailsAsync(StoreFixture fixture, ImageReference reference)
    {
        using var store = fixture.Open();
        return await Assert.ThrowsAsync<ContainerException>(() => store.PullAsync(reference, new PullOptions(), null, Cancellation));
    }

    private static Task<string> BehindAsync(FakeRegistry proxy, string store, ImageReference image)
    {
        var start = PullingChild.Describe(store, image, []);
        start.Environment["HTTPS_PROXY"] = start.Environment["HTTP_PROXY"] = $"http://{proxy.Host}";
        start.Environment["NO_PROXY"] = "";
        return FirstLineAsync(start);
    }

    // In a network of its own, where 10.9.8.7 is a host like any other.
    private static Task<string> ElsewhereAsync(TestFolder folder, ImageReference image, string[] insecure)
    {
        var script = $"""
            ip link set lo up; ip addr add 10.9.8.7/32 dev lo
            {Requires.Find("docker-registry")} serve {folder["config.yml"]} >/dev/null 2>&1 & registry=$!
            for i in $(seq 100); do (exec 3<>/dev/tcp/10.9.8.7/5000) 2>/dev/null && break; sleep 0.1; done
            "$@" </dev/null; kill $registry
            """;
        return FirstLineAsync(PullingChild.Describe(folder["store"], image, insecure, "unshare", "--net", "bash", "-c", script, "bash"));
    }

    private static async Task<string> FirstLineAsync(ProcessStartInfo start)
    {
        using var child = Process.Start(start)!;
        child.StandardInput.Close();
        var line = await child.StandardOutput.ReadLineAsync(Cancellation);
        await child.WaitForExitAsync(Cancellation);
        return line ?? "";
    }
}
