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
    public static void Apply(HostConfig host, ContainerSpec spec, string? systemCalls)
    {
        if (spec.Privileged)
        {
            host.Privileged = true;
            return;
        }

        host.CapDrop = ["ALL"];
        host.CapAdd = [.. SecurityProfile.Capabilities];
        host.SecurityOpt = [.. systemCalls is null ? [] : (string[])[$"seccomp={systemCalls}"], .. spec.AllowNewPrivileges ? [] : (string[])["no-new-privileges"]];
        host.MaskedPaths = [.. SecurityProfile.MaskedPaths];
        host.ReadonlyPaths = [.. SecurityProfile.ReadOnlyPaths];
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
