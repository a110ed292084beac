namespace BuildRunner.Sandbox.Wire;

/// <summary>Where the engine keeps what on this host.</summary>
internal static class HostPaths
{
    /// <summary>
    /// Says that this process is an ordinary user's, in a user namespace where that user is root: the user's number, the folder for what lives as long as a run, and the user's
    /// name, with colons between.
    /// </summary>
    public const string RootlessVariable = "BUILDRUNNER_ROOTLESS";

    /// <summary>Locks on the numbers of groups; the same for all engines of a host, because ids and addresses follow from the number. An ordinary user's are in that user's folder.</summary>
    public static string Slots { get; } = $"{RootlessState() ?? "/run/buildrunner"}/slots";

    /// <summary>Guards every attempt to take a slot's or group's lock alone.</summary>
    public static string SlotsGuard => Slots + "/guard";

    public static string SlotLock(int slot) => $"{Slots}/{slot}";

    /// <summary>The directory of a group's state.</summary>
    public static string Group(string stateRoot, string groupId) => $"{stateRoot}/groups/{groupId}";

    /// <summary>There when a group that was made ahead has got its workflow.</summary>
    public static string GroupTaken(string stateRoot, string groupId) => Group(stateRoot, groupId) + "/taken";

    /// <summary>Beside the group's directory, so that the directory can be removed under it.</summary>
    public static string GroupLock(string stateRoot, string groupId) => $"{stateRoot}/groups/{groupId}.lock";

    public static string GroupScratch(string scratchRoot, string groupId) => $"{scratchRoot}/{groupId}";

    private static string? RootlessState() => Environment.GetEnvironmentVariable(RootlessVariable)?.Split(':', 3) is [_, var state, _] ? state : null;

    /// <summary>The path below a cgroup hierarchy's root.</summary>
    public static string GroupCgroup(string groupId) => $"buildrunner/{groupId}";
}
