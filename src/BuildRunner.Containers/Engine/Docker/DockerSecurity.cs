using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine.Oci;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The security profile, said in full: an engine's own defaults differ by its age and its settings (engine.md, section 9.2).</summary>
internal static class DockerSecurity
{
    private const int NotImplemented = 38;

    // Calls that neither list of the profile has, and that libraries try before an older way.
    private static readonly string[] Absent = ["clone3", "listmount", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "statmount", "uretprobe"];

    private static readonly Lazy<string> OwnCalls = new(() => WriteSystemCalls(with32Bit: false)), AllCalls = new(() => WriteSystemCalls(with32Bit: true));

    /// <summary>The profile of system calls as Docker's API takes it.</summary>
    /// <param name="with32Bit">True: 32-bit programs of the engine's processor may run too.</param>
    public static string SystemCallProfile(bool with32Bit) => (with32Bit ? AllCalls : OwnCalls).Value;

    /// <summary>Applies it.</summary>
    /// <param name="host">The request.</param>
    /// <param name="spec">What was asked for.</param>
    /// <param name="systemCalls">The profile of system calls, or where the engine finds it; null: the engine's own.</param>
    /// <param name="labels">Those of the security modules of the engine's host.</param>
    public static void Apply(HostConfig host, ContainerSpec spec, string? systemCalls, SecurityLabels labels)
    {
        if (spec.Privileged)
        {
            host.Privileged = true;
            return;
        }

        host.CapDrop = ["ALL"];
        host.CapAdd = [.. SecurityProfile.Capabilities];
        host.SecurityOpt = [.. systemCalls is null ? [] : (string[])[$"seccomp={systemCalls}"], .. spec.AllowNewPrivileges ? [] : (string[])["no-new-privileges"], .. OptionsOf(labels)];
        host.MaskedPaths = [.. SecurityProfile.MaskedPaths];
        host.ReadonlyPaths = [.. SecurityProfile.ReadOnlyPaths];
    }

    /// <summary>What is set, as the engine takes it. What is not set, it chooses itself: <c>docker-default</c> where its host has AppArmor.</summary>
    internal static IEnumerable<string> OptionsOf(SecurityLabels labels)
    {
        if (labels.AppArmorProfile is { } profile)
        {
            yield return $"apparmor={profile}";
        }

        string[] parts = ["user", "role", "type", "level"];
        foreach (var (part, value) in parts.Zip(labels.SelinuxLabel?.Split(':', 4) ?? []))
        {
            yield return $"label={part}:{value}";
        }
    }

    /// <summary>Why the engine cannot give what is set; null: it can. Docker leaves out what its host has not, without a word.</summary>
    internal static string? ProblemOf(SecurityLabels labels, IEnumerable<string> ofEngine)
    {
        bool Has(string module) => ofEngine.Any(o => o.Split(',').Contains($"name={module}"));
        return labels.SelinuxMountLabel is not null ? "Engine:SelinuxMountLabel is kept by the engine oci only: this one labels files itself; take the setting away"
            : labels.AppArmorProfile is { } profile and not SecurityLabels.Unconfined && !Has("apparmor") ? $"Engine:AppArmorProfile names {profile}, and the engine says that its host has no AppArmor; take the setting away"
            : labels.SelinuxLabel is { } label && !Has("selinux") ? $"Engine:SelinuxLabel is {label}, and the engine does not use SELinux (dockerd --selinux-enabled); take the setting away"
            : null;
    }

    private static string WriteSystemCalls(bool with32Bit)
    {
        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text))
        {
            SeccompProfile.Write(writer, with32Bit);
        }

        // Engines before Docker 23 do not know "defaultErrnoRet" and answer EPERM, after which programs do not fall back.
        var profile = JsonNode.Parse(text.ToArray())!;
        profile["syscalls"]!.AsArray().Add((JsonNode)new JsonObject
        {
            ["names"] = new JsonArray([.. Absent.Select(name => JsonValue.Create(name))]),
            ["action"] = "SCMP_ACT_ERRNO",
            ["errnoRet"] = NotImplemented,
        });
        return profile.ToJsonString();
    }
}
