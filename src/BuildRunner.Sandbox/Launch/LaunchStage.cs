namespace BuildRunner.Sandbox.Launch;

/// <summary>What a container's process is doing before it is the container's first process. It says where it failed in one of these.</summary>
internal enum LaunchStage
{
    Cgroup = 1,
    Network,
    Users,
    Identity,
    Namespaces,
    Session,
    Keyring,
    FileSystem,
    Bind,
    Node,

    /// <summary>The host's node is another device than it has to be.</summary>
    WrongNode,
    Root,
    FileSystemTarget,
    NodeTarget,
    BindTarget,

    /// <summary>What is to be mounted would lie in <c>/proc</c>, by links of the image or of the workspace.</summary>
    BindInProc,
    Link,
    Setting,
    Masked,
    ReadOnly,
    HostName,
    Label,
    ReadOnlyRoot,
    ResourceLimit,
    Streams,
    Privileges,
    Filter,
    Capabilities,
    Execute,
}
