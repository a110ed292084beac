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
        EngineScratchDir = "Engine:ScratchDir",
        EngineAllowPrivileged = "Engine:AllowPrivileged",
        EngineAllowedVolumes = "Engine:AllowedVolumes",
        EngineAllowedRootFileSystems = "Engine:AllowedRootFileSystems",
        EngineKeepFor = "Engine:KeepFor",
        LocalRunsDir = "LocalRuns:Dir",
        LocalRunsKeep = "LocalRuns:Keep",
        ImagesDir = "Images:Dir",
        ImagesPull = "Images:Pull",
        ImagesInsecure = "Images:Insecure",
        ImagesAuthFile = "Images:AuthFile",
        ImagesMirrors = "Images:Mirrors",
        ImagesCacheSize = "Images:CacheSize",
        ImagesMinFree = "Images:MinFree",
        ImagesMaxAge = "Images:MaxAge",
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
        new(EngineScratchDir, SettingKind.Text, null, "Where the engine puts what containers write, while they live and when they are kept; /var/lib/buildrunner/scratch if not set, for docker a temporary directory."),
        new(EngineAllowPrivileged, SettingKind.Flag, "false", "Whether a step may be privileged: all capabilities, devices and no filter of system calls. On an agent only those of repositories that an administrator trusted with it."),
        new(EngineAllowedVolumes, SettingKind.List, null, "Directories of this machine that steps may mount, with what lies in them; / allows all. On an agent only steps of repositories that an administrator trusted with it."),
        new(EngineAllowedRootFileSystems, SettingKind.List, null, "Directories that steps may name as image with rootfs:, and that image archives and layouts may lie in; * allows all. If not set, local runs allow all and agents none."),
        new(EngineKeepFor, SettingKind.Duration, "7d", "How long 'run --keep' keeps the container of a failed step."),
        new(LocalRunsDir, SettingKind.Text, null, "Where the logs of local runs are kept; below the state directory of the user or system if not set."),
        new(LocalRunsKeep, SettingKind.Number, "20", "The logs of how many local runs are kept."),
        new(ImagesDir, SettingKind.Text, null, "Where images are kept; below the state directory of the user or system if not set."),
        new(ImagesPull, SettingKind.Text, "missing", "When to ask a registry for an image that is already here.") { Choices = ["always", "missing", "never"] },
        new(ImagesInsecure, SettingKind.List, null, "Registries (host or host:port) that may be spoken to without TLS; loopback always may."),
        new(ImagesAuthFile, SettingKind.Text, null, "Credentials for registries, in Docker's format; Podman's and Docker's own files if not set."),
        new(ImagesMirrors, SettingKind.List, null, "Where to ask before a registry: REGISTRY=https://MIRROR, several in order."),
        new(ImagesCacheSize, SettingKind.Size, "20GiB", "What the images may take; after a pull the longest unused go."),
        new(ImagesMinFree, SettingKind.Size, "1GiB", "What must stay free on the images' disk; after a pull the longest unused go."),
        new(ImagesMaxAge, SettingKind.Duration, null, "Images that were not used for this long go after a pull; never for this reason if not set."),
        new(PipelinesDefaultTimeout, SettingKind.Duration, "1h", "Time limit of a workflow that sets none."),
        .. ServerKeys.All,
        .. AgentKeys.All,
        .. TriggerKeys.All,
    ];
}
