using BuildRunner.Cli.LocalRuns;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Images;

/// <summary>Opens the image store that the settings name.</summary>
internal static class ImageStores
{
    /// <summary>Opens it; an engine or verb disposes it.</summary>
    public static ImageStore Open(EffectiveSettings settings, CliHost host)
    {
        return new ImageStore(
            DirectoryOf(settings, host),
            new ImageStoreOptions
            {
                Registry = new RegistryOptions
                {
                    Insecure = [.. settings.List(SettingKeys.ImagesInsecure)],
                    CredentialFile = settings.Text(SettingKeys.ImagesAuthFile),
                    Mirrors = MirrorsOf(settings),
                },
                PruneAfterPull = new PruneOptions
                {
                    MostBytes = settings.Size(SettingKeys.ImagesCacheSize),
                    LeastFreeBytes = settings.Size(SettingKeys.ImagesMinFree),
                    UnusedFor = settings.Duration(SettingKeys.ImagesMaxAge),
                },
            },
            host.Time);
    }

    /// <summary>Where images are kept.</summary>
    public static string DirectoryOf(EffectiveSettings settings, CliHost host) => settings.Text(SettingKeys.ImagesDir) ?? StateDirectory.Of(host, "images");

    // docker.io=https://mirror.example.com; several for one registry are asked in order.
    private static Dictionary<string, IReadOnlyList<Uri>> MirrorsOf(EffectiveSettings settings)
    {
        var mirrors = new Dictionary<string, IReadOnlyList<Uri>>();
        foreach (var text in settings.List(SettingKeys.ImagesMirrors))
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } registry, var address]
                || !Uri.TryCreate(address, UriKind.Absolute, out var mirror) || mirror.Scheme is not ("https" or "http") || mirror.UserInfo.Length > 0)
            {
                throw new CliException(ExitCode.Usage, $"{SettingKeys.ImagesMirrors}: '{text}' is not REGISTRY=https://MIRROR");
            }

            mirrors[registry] = [.. mirrors.GetValueOrDefault(registry) ?? [], mirror];
        }

        return mirrors;
    }
}
