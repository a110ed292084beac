using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Images;

/// <summary>Opens the images of the engine that the settings or <c>--engine</c> name.</summary>
internal static class ImageLibraries
{
    /// <summary>Opens them; the verb disposes it.</summary>
    public static IImageLibrary Open(EffectiveSettings settings, CliHost host) => settings.Required(SettingKeys.EngineKind) switch
    {
        "docker" => Engines.CreateDocker(settings, host).OpenImages(),
        _ => new StoreLibrary(ImageStores.Open(settings, host), Engines.KeptByOci(settings, host)),
    };
}
