namespace BuildRunner.Settings;

/// <summary>The table of settings (ux.md B.5): those that this version obeys, and no others.</summary>
internal static class SettingKeys
{
    public const string
        EngineKind = "Engine:Kind",
        EngineRuntime = "Engine:Runtime",
        EngineDockerHost = "Engine:Docker:Host",
        EngineNetwork = "Engine:Network",
        EngineDns = "Engine:Dns",
        EngineDefaultMemory = "Engine:DefaultMemory",
        EngineDefaultCpus = "Engine:DefaultCpus",
        EnginePidsLimit = "Engine:PidsLimit",
        EngineStateDir = "Engine:StateDir",
        ImagesDir = "Images:Dir",
        ImagesPull = "Images:Pull",
        ImagesInsecure = "Images:Insecure",
        ImagesAuthFile = "Images:AuthFile",
        ImagesMirrors = "Images:Mirrors",
        ImagesCacheSize = "Images:CacheSize",
        PipelinesDefaultTimeout = "Pipelines:DefaultTimeout";

    public static IReadOnlyList<SettingKey> All { get; } =
    [
        new(EngineKind, SettingKind.Text, "oci", "The container engine.") { Choices = ["oci", "docker", "dummy"] },
        new(EngineRuntime, SettingKind.Text, "runc", "The OCI runtime: a name on the PATH, or a path."),
        new(EngineDockerHost, SettingKind.Text, null, "Address of the Docker or Podman engine; found as the docker client does if not set."),
        new(EngineNetwork, SettingKind.Text, "nat", "How steps reach the outside: nat, or none for no way out.") { Choices = ["nat", "none"] },
        new(EngineDns, SettingKind.List, null, "Name servers for steps; the host's if not set."),
        new(EngineDefaultMemory, SettingKind.Size, "2GiB", "Memory of a step that asks for none."),
        new(EngineDefaultCpus, SettingKind.Number, null, "Processors of a step that asks for none; all if not set."),
        new(EnginePidsLimit, SettingKind.Number, "4096", "Processes and threads of a step that asks for no limit."),
        new(EngineStateDir, SettingKind.Text, "/run/buildrunner", "Where the engine keeps what lives as long as a run."),
        new(ImagesDir, SettingKind.Text, null, "Where images are kept; below the state directory of the user or system if not set."),
        new(ImagesPull, SettingKind.Text, "missing", "When to ask a registry for an image that is already here.") { Choices = ["always", "missing", "never"] },
        new(ImagesInsecure, SettingKind.List, null, "Registries (host or host:port) that may be spoken to without TLS; loopback always may."),
        new(ImagesAuthFile, SettingKind.Text, null, "Credentials for registries, in Docker's format; Podman's and Docker's own files if not set."),
        new(ImagesMirrors, SettingKind.List, null, "Where to ask before a registry: REGISTRY=https://MIRROR, several in order."),
        new(ImagesCacheSize, SettingKind.Size, "20GiB", "What the images may take; after a pull the longest unused go."),
        new(PipelinesDefaultTimeout, SettingKind.Duration, "1h", "Time limit of a workflow that sets none."),
        .. ServerKeys.All,
        .. AgentKeys.All,
        .. TriggerKeys.All,
    ];
}
