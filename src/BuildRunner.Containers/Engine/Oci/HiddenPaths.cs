using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>What containers of <c>rootfs:/</c> do not see of the machine: homes, data of engines, credentials; and what they need empty.</summary>
/// <remarks>World-readable files elsewhere stay visible; docs/security-boundary.md says so.</remarks>
internal static class HiddenPaths
{
    private static readonly string[] Directories =
    [
        "/home/*", "/root", "/srv", "/mnt", "/media", "/lost+found", "/boot",
        "/var/lib/buildrunner", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/var/lib/libvirt", "/var/lib/lxc",
        "/var/lib/lxd", "/var/lib/machines", "/var/lib/postgresql", "/var/lib/mysql", "/var/lib/rabbitmq", "/var/lib/private", "/var/backups",
        "/var/log/*", "/var/mail", "/var/spool/cron", "/var/spool/mail", "/var/crash", "/var/snap",
        "/etc/docker", "/etc/containers/auth", "/etc/kubernetes", "/etc/wireguard", "/etc/openvpn", "/etc/letsencrypt", "/etc/NetworkManager/system-connections",
        "/etc/sudoers.d", "/etc/krb5kdc", "/etc/pki/private", "/etc/ssl/private", "/etc/polkit-1", "/etc/cloud", "/var/lib/cloud", "/var/lib/NetworkManager",
        "/var/lib/sss", "/var/lib/samba", "/var/lib/tailscale",
    ];

    private static readonly string[] Shared = ["/tmp", "/var/tmp", "/run/lock"];

    private static readonly string[] EmptyFiles =
    [
        "/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/sudoers", "/etc/security/opasswd", "/etc/machine-id",
    ];

    private static readonly string[] Absent =
    [
        "/etc/ssh/ssh_host_*", "/etc/krb5.keytab", "/etc/ipsec.secrets", "/etc/ppp/chap-secrets", "/etc/ppp/pap-secrets", "/etc/apt/auth.conf",
        "/etc/apt/auth.conf.d", "/etc/netrc", "/etc/samba/smbpasswd", "/etc/mysql/debian.cnf", "/var/lib/dhcp", "/swapfile", "/swap.img",
        "/.dockerenv", "/initrd.img", "/vmlinuz",
    ];

    /// <summary>What to hide of a directory of this host: for <c>/</c> everything, for <c>/etc</c> what is below it; empty for most others.</summary>
    /// <param name="options">The engine's settings: its own folders are hidden too.</param>
    /// <param name="directory">The directory, without links in its path.</param>
    public static IReadOnlyList<HiddenPath> Of(OciEngineOptions options, string directory)
    {
        var all = OfMachine(options);
        return directory == "/"
            ? [.. Shared.Select(p => new HiddenPath(p, HiddenPathKind.SharedDirectory)), .. all]
            : [.. all.Where(p => p.Pattern.StartsWith(directory + "/", StringComparison.Ordinal)).Select(p => p with { Pattern = p.Pattern[directory.Length..] })];
    }

    private static IEnumerable<HiddenPath> OfMachine(OciEngineOptions options) =>
    [
        .. Directories.Concat([options.StateRoot, options.ScratchRoot, "/run"]).Concat(options.HiddenPaths).Select(p => new HiddenPath(p, HiddenPathKind.EmptyDirectory)),
        .. EmptyFiles.Select(p => new HiddenPath(p, HiddenPathKind.EmptyFile)),
        .. Absent.Select(p => new HiddenPath(p, HiddenPathKind.Absent)),
    ];
}
