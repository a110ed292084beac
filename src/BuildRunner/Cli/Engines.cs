using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Dummy;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Networks;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>Makes the engine that the settings name.</summary>
internal static class Engines
{
    /// <summary>The engine of <c>Engine:Kind</c>.</summary>
    public static IContainerEngine Create(EffectiveSettings settings, CliHost host) => settings.Required(SettingKeys.EngineKind) switch
    {
        "oci" => OciEngine.Create(OptionsOf(settings)),
        "dummy" => new DummyEngine(host.Time),
        var kind => throw new CliException(ExitCode.Usage, $"there is no engine '{kind}'"),
    };

    private static OciEngineOptions OptionsOf(EffectiveSettings settings) => new()
    {
        StateRoot = settings.Required(SettingKeys.EngineStateDir),
        RuntimePath = settings.Required(SettingKeys.EngineRuntime),
        Network = new NetworkOptions { Uplink = settings.Text(SettingKeys.EngineNetwork) == "nat", NameServers = settings.List(SettingKeys.EngineDns) },
        DefaultLimits = new ResourceLimits(
            settings.Size(SettingKeys.EngineDefaultMemory),
            settings.Number(SettingKeys.EngineDefaultCpus),
            (int?)settings.Number(SettingKeys.EnginePidsLimit)),
    };
}
