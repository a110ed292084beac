using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Registry;

/// <summary>Pulls of one image from registries that answer some requests in an odd way, into a store of the test's own.</summary>
internal sealed class OddPulls : IDisposable
{
    private readonly TestFolder _folder = TestFolder.Create();

    /// <summary>What is pulled: one layer with one file of 300,000 bytes that cannot be made smaller.</summary>
    public static TestImage Image { get; } = new TestImage().WithLayer(archive => archive.File("file", Noise(300_000)));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A registry that is odd with some requests, and answers all others as a good one does.</summary>
    /// <param name="odd">With which.</param>
    /// <param name="answer">How it answers those.</param>
    public static FakeRegistry Serve(Func<FakeRequest, bool> odd, Func<FakeRequest, FakeAnswer, Task> answer) => FakeRegistry.Start(async (request, reply) =>
    {
        if (!odd(request))
        {
            return false;
        }

        await answer(request, reply);
        return true;
    });

    public static bool IsManifest(FakeRequest request) => request.Path.Contains("/manifests/", StringComparison.Ordinal);

    public static bool IsLayer(FakeRequest request) => request.Path.EndsWith(Image.Layers[0].Digest.ToString(), StringComparison.Ordinal);

    /// <summary>Pulls it with little patience: three tries, and a second for each answer.</summary>
    public async Task<ResolvedImage> PullAsync(ImageReference image, RegistryCredentials? credentials = null, Func<RegistryOptions, RegistryOptions>? change = null)
    {
        var options = new RegistryOptions { UseCredentialFiles = false, FirstPause = TimeSpan.FromMilliseconds(1), IdleTimeout = TimeSpan.FromSeconds(1), Attempts = 3 };
        using var store = new ImageStore(_folder["store"], new ImageStoreOptions { Registry = change?.Invoke(options) ?? options }, TimeProvider.System);
        return await store.PullAsync(image, new PullOptions { Credentials = credentials }, null, Cancellation);
    }

    /// <summary>Pulls it, which has to fail.</summary>
    public Task<ContainerException> FailsAsync(ImageReference image, RegistryCredentials? credentials = null) =>
        Assert.ThrowsAsync<ContainerException>(() => PullAsync(image, credentials));

    public void Dispose() => _folder.Dispose();

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }
}
