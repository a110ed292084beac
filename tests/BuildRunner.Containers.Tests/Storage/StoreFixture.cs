using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>A registry and an empty store.</summary>
public sealed class StoreFixture : IAsyncDisposable
{
    private readonly TestFolder _folder = TestFolder.Create();

    private StoreFixture(RegistryServer registry)
    {
        Registry = registry;
        Store = Open();
    }

    public RegistryServer Registry { get; }

    public ImageStore Store { get; }

    public string Root => _folder["store"];

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<StoreFixture> StartAsync(RegistryServerOptions? options = null) => new(await RegistryServer.StartAsync(options, Cancellation));

    /// <summary>Another user of the same store.</summary>
    public ImageStore Open(Func<ImageStoreOptions, ImageStoreOptions>? change = null)
    {
        var options = new ImageStoreOptions
        {
            Registry = new RegistryOptions { UseCredentialFiles = false, FirstPause = TimeSpan.FromMilliseconds(1), CertificateFolders = [_folder["certs.d"]] },
        };
        return new ImageStore(Root, change?.Invoke(options) ?? options, TimeProvider.System);
    }

    public async Task<ResolvedImage> PushAndPullAsync(TestImage image, string repository = "image")
    {
        var reference = await Registry.PushAsync(image, repository, cancellationToken: Cancellation);
        return await Store.PullAsync(reference, new PullOptions(), null, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        Store.Dispose();
        await Registry.DisposeAsync();
        _folder.Dispose();
    }
}
