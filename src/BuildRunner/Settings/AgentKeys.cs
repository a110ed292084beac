namespace BuildRunner.Settings;

/// <summary>The settings of an agent (ux.md B.5). Labels and times come from the server.</summary>
internal static class AgentKeys
{
    public const string
        Name = "Agent:Name",
        Labels = "Agent:Labels",
        Slots = "Agent:Slots",
        HealthListen = "Agent:HealthListen",
        Server = "Agent:Server",
        Token = "Agent:Token",
        WorkDir = "Agent:WorkDir",
        MinFreeDisk = "Agent:MinFreeDisk",
        DrainGrace = "Agent:DrainGrace",
        CloneImage = "Agent:CloneImage",
        LocalRepositories = "Agent:LocalRepositories",
        AllowImageBuilds = "Engine:AllowImageBuilds";

    public static IReadOnlyList<SettingKey> All { get; } =
    [
        new(Name, SettingKind.Text, null, "The name an agent wants when it registers; the machine's if not set."),
        new(Labels, SettingKind.List, null, "Labels of the agent in the server's process, KEY=VALUE; every other agent gets its labels from the server, with its token."),
        new(Slots, SettingKind.Number, null, "How many steps an agent runs at once; half of the machine's processors, at least one, if not set."),
        new(HealthListen, SettingKind.Text, null, "An address at which an agent answers /healthz, such as http://127.0.0.1:9465; whoever reaches it may read it. Off if not set."),
        new(Server, SettingKind.Text, null, "The server that an agent works for: http://HOST:PORT or https://HOST."),
        new(Token, SettingKind.Text, null, "The one-time token with which an agent registers, at its first start only.") { Secret = true },
        new(WorkDir, SettingKind.Text, null, "Where an agent keeps journal, workspaces and copies of repositories; below the state directory of the user or system if not set."),
        new(MinFreeDisk, SettingKind.Size, "5GiB", "With less free space there an agent takes no new workflows."),
        new(DrainGrace, SettingKind.Duration, "10m", "How long an agent finishes what it has when it is asked to end."),
        new(CloneImage, SettingKind.Text, null, "The image of clone steps that name none; if not set, the machine's own git in a container, where the engine can."),
        new(LocalRepositories, SettingKind.List, null, "Folders of this machine below which repositories may lie that are cloned from a path; none if not set."),
        new(AllowImageBuilds, SettingKind.Flag, "false", "Whether an agent builds the images of steps; a builder's own commands run outside of BuildRunner's isolation."),
    ];
}
