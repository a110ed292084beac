using System.Diagnostics;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Registry;

public sealed class Registry_fixture
{
    [Fact]
    public async Task An_image_pushed_by_the_fixture_is_understood_by_skopeo()
    {
        Requires.Program("skopeo");
        await using var registry = await RegistryServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        var reference = await registry.PushAsync(TestImage.Busybox, "some/busybox", cancellationToken: TestContext.Current.CancellationToken);

        using var skopeo = Process.Start(new ProcessStartInfo("skopeo")
        {
            ArgumentList = { "inspect", "--tls-verify=false", $"docker://{reference}" },
            RedirectStandardOutput = true,
        })!;
        var output = await skopeo.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await skopeo.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Contains(TestImage.Busybox.Digest.ToString(), output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registry_with_passwords_and_a_certificate_takes_pushes()
    {
        await using var registry = await RegistryServer.StartAsync(
            new RegistryServerOptions { NeedsPassword = true, Certificate = TestCertificate.Create() }, TestContext.Current.CancellationToken);

        var reference = await registry.PushAsync(TestImage.Busybox, "private", "1", TestContext.Current.CancellationToken);

        Assert.Equal($"{registry.Host}/private:1", reference.ToString());
    }
}
