namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Which security modules are in force on this host, and what they have for containers.</summary>
/// <param name="root">Where the kernel's files are: <c>/</c>.</param>
internal sealed class HostModules(string root)
{
    private const string Remedy = "load it: apparmor_parser -r FILE (docs/operations.md), or set Engine:AppArmorProfile";

    /// <summary>What is taken where no setting names a profile: our own, then those that other engines load. The last is followed by a version.</summary>
    private static readonly string[] Known = ["buildrunner-default", "docker-default", "cri-containerd.apparmor.d", "containers-default-"];

    /// <summary>Of this host.</summary>
    public static HostModules OfThisHost { get; } = new("/");

    private bool HasAppArmor => Read("sys/module/apparmor/parameters/enabled") is ['Y', ..];

    private bool HasSelinux => Read("sys/fs/selinux/enforce") is not null;

    /// <summary>What containers get: only what is named, or was found. Null: the host cannot give what is named, and no container may be made.</summary>
    public SecurityLabels? Choose(SecurityLabels wanted, out ReadinessCheck found)
    {
        found = wanted.SelinuxLabel is null && HasSelinux && !HasAppArmor ? Unlabelled() : wanted.SelinuxLabel is not null && !HasSelinux ? NoSelinux(wanted.SelinuxLabel) : AppArmor(wanted);
        if (found.Status == ReadinessStatus.Failed)
        {
            return null;
        }

        var profile = wanted.AppArmorProfile ?? Found()?.Name;
        if (wanted.SelinuxLabel is { } label)
        {
            var mode = Read("sys/fs/selinux/enforce")?.Trim() == "1" ? "enforcing" : "permissive";
            found = new ReadinessCheck("label", ReadinessStatus.Ok, $"SELinux ({mode}): steps run as {label}");
        }

        return wanted with { AppArmorProfile = profile == SecurityLabels.Unconfined ? null : profile };
    }

    private ReadinessCheck AppArmor(SecurityLabels wanted)
    {
        if (wanted.AppArmorProfile is { } named and not SecurityLabels.Unconfined)
        {
            return !HasAppArmor ? Failed($"Engine:AppArmorProfile names {named}, and AppArmor is not in force on this machine", "take the setting away, or boot with apparmor=1 security=apparmor")
                : Profiles() is not { } loaded ? Ok($"AppArmor: steps run under {named}; which profiles are loaded is not to be seen from here")
                : loaded.FirstOrDefault(p => p.Name == named) is { Name: not null } profile ? InForce(profile)
                : Failed($"Engine:AppArmorProfile names {named}, and no profile of that name is loaded", Remedy);
        }

        return !HasAppArmor ? Ok("neither AppArmor nor SELinux is in force on this machine: steps are kept by namespaces, capabilities and the filter of system calls")
            : wanted.AppArmorProfile is not null ? Ok("AppArmor is in force, and Engine:AppArmorProfile says that steps have no profile")
            : Found() is { } found ? InForce(found)
            : new ReadinessCheck("label", ReadinessStatus.Warning, "AppArmor is in force, and no profile for containers is loaded: steps have none", Remedy);
    }

    private static ReadinessCheck InForce((string Name, string Mode) profile) => profile.Mode == "enforce"
        ? Ok($"AppArmor: steps run under {profile.Name}")
        : new ReadinessCheck("label", ReadinessStatus.Warning, $"AppArmor: steps run under {profile.Name}, which forbids nothing ({profile.Mode})", $"aa-enforce {profile.Name}");

    private static ReadinessCheck NoSelinux(string label) =>
        Failed($"Engine:SelinuxLabel is {label}, and SELinux is not in force on this machine", "take the setting away, or boot with security=selinux and a policy");

    private static ReadinessCheck Unlabelled() =>
        new("label", ReadinessStatus.Warning, "SELinux is in force, and steps have no label of their own", "set Engine:SelinuxLabel, for instance to system_u:system_r:container_t:s0 (docs/operations.md)");

    private static ReadinessCheck Ok(string detail) => new("label", ReadinessStatus.Ok, detail);

    private static ReadinessCheck Failed(string detail, string remedy) => new("label", ReadinessStatus.Failed, detail, remedy);

    /// <summary>The first of those that are known which is loaded.</summary>
    private (string Name, string Mode)? Found()
    {
        if (!HasAppArmor || Profiles() is not { } loaded)
        {
            return null;
        }

        var found = Known.Select(known => loaded.FirstOrDefault(p => known.EndsWith('-') ? p.Name.StartsWith(known, StringComparison.Ordinal) : p.Name == known)).FirstOrDefault(p => p.Name is not null);
        return found.Name is null ? null : found;
    }

    /// <summary>What is loaded, with its mode; null: that is not to be seen, for an ordinary user or in a container.</summary>
    private List<(string Name, string Mode)>? Profiles() => Read("sys/kernel/security/apparmor/profiles")?.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.LastIndexOf(" (", StringComparison.Ordinal) is var mode and > 0 ? (line[..mode], line[(mode + 2)..].TrimEnd(')')) : (line, "")).ToList();

    private string? Read(string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(root, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not there, or not for this user: that is the answer.
            return null;
        }
    }
}
