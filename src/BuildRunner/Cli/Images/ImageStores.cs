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
        var size = settings.Size(SettingKeys.ImagesCacheSize);
        return new ImageStore(
            settings.Text(SettingKeys.ImagesDir) ?? DefaultDirectory(host),
            new ImageStoreOptions
            {
                Registry = new RegistryOptions
                {
                    Insecure = [.. settings.List(SettingKeys.ImagesInsecure)],
                    CredentialFile = settings.Text(SettingKeys.ImagesAuthFile),
                    Mirrors = MirrorsOf(settings),
                },
                PruneAfterPull = size is { } most ? new PruneOptions { MostBytes = most } : null,
            },
            host.Time);
    }

    // /var/lib for the system; a user's own state directory otherwise.
    private static string DefaultDirectory(CliHost host)
    {
        if (Environment.IsPrivilegedProcess)
        {
            return "/var/lib/buildrunner/images";
        }

        var home = host.Environment.GetValueOrDefault("HOME") is { Length: > 0 } set ? set : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var state = host.Environment.GetValueOrDefault("XDG_STATE_HOME") is ['/', ..] absolute ? absolute : Path.Combine(home, ".local", "state");
        return Path.Combine(state, "buildrunner", "images");
    }

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
