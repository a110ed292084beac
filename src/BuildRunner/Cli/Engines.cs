using BuildRunner.Cli.Images;
using BuildRunner.Cli.LocalRuns;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Engine.Dummy;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Networks;
using BuildRunner.Containers.Registry;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>Makes the engine that the settings name.</summary>
internal static class Engines
{
    /// <summary>The engine of <c>Engine:Kind</c>.</summary>
    public static IContainerEngine Create(EffectiveSettings settings, CliHost host) => settings.Required(SettingKeys.EngineKind) switch
    {
        "oci" => CreateOci(settings, host),
        "docker" => CreateDocker(settings, host),
        "dummy" => new DummyEngine(host.Time),
        var kind => throw new CliException(ExitCode.Usage, $"there is no engine '{kind}'"),
    };

    /// <summary>The engine docker, whatever <c>Engine:Kind</c> says.</summary>
    public static DockerEngine CreateDocker(EffectiveSettings settings, CliHost host) => new(DockerOptionsOf(settings, host), host.Time);

    private static OciEngine CreateOci(EffectiveSettings settings, CliHost host)
    {
        var options = OptionsOf(settings, host);
        Demand(options.Problems());
        return OciEngine.Create(options, ImageStores.Open(settings, host));
    }

    private static void Demand(IReadOnlyList<string> problems)
    {
        if (problems.Count > 0)
        {
            throw new CliException(ExitCode.Usage, string.Join("\nbuildrunner: ", problems));
        }
    }

    /// <summary>The containers that the engine oci keeps.</summary>
    public static KeptContainers KeptByOci(EffectiveSettings settings, CliHost host) => OciEngine.KeptOf(OptionsOf(settings, host));

    private static OciEngineOptions OptionsOf(EffectiveSettings settings, CliHost host) => new()
    {
        StateRoot = RootlessUser.OfThisProcess?.StateRoot ?? settings.Required(SettingKeys.EngineStateDir),
        ScratchRoot = settings.Text(SettingKeys.EngineScratchDir) ?? StateDirectory.Of(host, "scratch"),
        RuntimePath = settings.Required(SettingKeys.EngineRuntime),
        Network = new NetworkOptions
        {
            Uplink = settings.Text(SettingKeys.EngineNetwork) == "nat",
            NameServers = settings.List(SettingKeys.EngineDns),
            AllowPrivateAddresses = settings.Flag(SettingKeys.EngineAllowPrivateNetworks),
        },
        Allow32Bit = settings.Flag(SettingKeys.EngineAllow32Bit),
        Labels = LabelsOf(settings),
        Hardened = new HardenedOptions
        {
            IsWanted = settings.Required(SettingKeys.EngineHardened) != "never",
            RuntimePath = settings.Text(SettingKeys.EngineHardenedRuntime),
            Egress = settings.List(SettingKeys.EngineHardenedEgress),
            ScratchBytes = settings.Size(SettingKeys.EngineHardenedScratch)!.Value,
        },
        DefaultLimits = LimitsOf(settings),
        HiddenPaths = settings.Text(AgentKeys.WorkDir) is { } work ? [Path.GetFullPath(work)] : [],
    };

    private static DockerEngineOptions DockerOptionsOf(EffectiveSettings settings, CliHost host) => new()
    {
        Host = settings.Text(SettingKeys.EngineDockerHost),
        ScratchDirectory = settings.Text(SettingKeys.EngineScratchDir) ?? Path.Combine(Path.GetTempPath(), $"buildrunner-{Environment.UserName}"),
        Allow32Bit = settings.Flag(SettingKeys.EngineAllow32Bit),
        Labels = LabelsOf(settings),
        HardenedIsWanted = settings.Required(SettingKeys.EngineHardened) != "never",
        DefaultLimits = LimitsOf(settings),
        PulledImagesFile = ImageStores.DirectoryOf(settings, host) + ".pulled",
        MostImageBytes = settings.Size(SettingKeys.ImagesCacheSize),
        Registries = new RegistryOptions { CredentialFile = settings.Text(SettingKeys.ImagesAuthFile), Insecure = [.. settings.List(SettingKeys.ImagesInsecure)] },
    };

    private static SecurityLabels LabelsOf(EffectiveSettings settings)
    {
        var labels = new SecurityLabels
        {
            AppArmorProfile = settings.Text(SettingKeys.EngineAppArmorProfile),
            SelinuxLabel = settings.Text(SettingKeys.EngineSelinuxLabel),
            SelinuxMountLabel = settings.Text(SettingKeys.EngineSelinuxMountLabel),
        };
        Demand(labels.Problems());
        return labels;
    }

    private static ResourceLimits LimitsOf(EffectiveSettings settings) => new(
        settings.Size(SettingKeys.EngineDefaultMemory),
        settings.Number(SettingKeys.EngineDefaultCpus),
        (int?)settings.Number(SettingKeys.EnginePidsLimit));
}
