using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Dummy;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>Makes the engine that the settings name.</summary>
internal static class Engines
{
    /// <summary>The engine of <c>Engine:Kind</c>.</summary>
    public static IContainerEngine Create(EffectiveSettings settings, CliHost host) => settings.Required(SettingKeys.EngineKind) switch
    {
        "dummy" => new DummyEngine(host.Time),
        var kind => throw new CliException(ExitCode.Usage, $"there is no engine '{kind}'"),
    };
}
