using System.Runtime.InteropServices;
using System.Text.Json;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Which system calls a step may make, from <c>seccomp.json</c>, in the words of the OCI runtime specification.</summary>
internal static class SeccompProfile
{
    private static readonly Lazy<JsonDocument> Data = new(() => Open("seccomp.json"));

    private const int OperationNotPermitted = 1, NotImplemented = 38;

    /// <summary>Writes the value of <c>linux.seccomp</c>.</summary>
    /// <param name="writer">The specification.</param>
    /// <param name="with32Bit">True: 32-bit programs of this processor may run too; the filter then costs more.</param>
    public static void Write(Utf8JsonWriter writer, bool with32Bit)
    {
        var data = Data.Value.RootElement;
        writer.WriteStartObject();
        writer.WriteString("defaultAction", "SCMP_ACT_ERRNO");
        writer.WriteNumber("defaultErrnoRet", NotImplemented);
        writer.WriteStartArray("architectures");
        foreach (var architecture in Architectures(with32Bit))
        {
            writer.WriteStringValue(architecture);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("syscalls");
        Rule(writer, "SCMP_ACT_ALLOW", data.GetProperty("allow").EnumerateArray().Select(n => n.GetString()!));
        Rule(writer, "SCMP_ACT_ERRNO", data.GetProperty("deny").EnumerateObject().SelectMany(g => g.Value.EnumerateArray()).Select(n => n.GetString()!));
        if (with32Bit)
        {
            Rule(writer, "SCMP_ACT_ALLOW", data.GetProperty("allow32").EnumerateArray().Select(n => n.GetString()!));
            Rule(writer, "SCMP_ACT_ERRNO", data.GetProperty("deny32").EnumerateArray().Select(n => n.GetString()!));
        }

        WriteClone(writer, data.GetProperty("cloneFlagsRefused").GetUInt64());
        foreach (var value in data.GetProperty("personalitiesAllowed").EnumerateArray())
        {
            Rule(writer, "SCMP_ACT_ALLOW", ["personality"], new Condition("SCMP_CMP_EQ", value.GetUInt64(), 0));
        }

        if (with32Bit && RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            // The library takes rules of a socket's family for rules of the one call for all of them, too, which has no family among its arguments.
            Rule(writer, "SCMP_ACT_ALLOW", ["socket"]);
        }
        else
        {
            WriteSocket(writer, data);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>A clone without new namespaces is allowed; each flag that asks for one is refused.</summary>
    private static void WriteClone(Utf8JsonWriter writer, ulong refused)
    {
        Rule(writer, "SCMP_ACT_ALLOW", ["clone"], new Condition("SCMP_CMP_MASKED_EQ", refused, 0));
        for (var flag = 1UL; flag <= refused; flag <<= 1)
        {
            if ((refused & flag) != 0)
            {
                Rule(writer, "SCMP_ACT_ERRNO", ["clone"], new Condition("SCMP_CMP_MASKED_EQ", flag, flag));
            }
        }
    }

    private static void WriteSocket(Utf8JsonWriter writer, JsonElement data)
    {
        var allowed = data.GetProperty("socketFamiliesAllowed").EnumerateArray().Select(f => f.GetUInt64()).ToHashSet();
        var known = data.GetProperty("socketFamiliesKnown").GetUInt64();
        for (var family = 0UL; family < known; family++)
        {
            Rule(writer, allowed.Contains(family) ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO", ["socket"], new Condition("SCMP_CMP_EQ", family, 0));
        }

        Rule(writer, "SCMP_ACT_ERRNO", ["socket"], new Condition("SCMP_CMP_GE", known, 0));
    }

    private static void Rule(Utf8JsonWriter writer, string action, IEnumerable<string> names, params ReadOnlySpan<Condition> firstArgument)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("names");
        foreach (var name in names)
        {
            writer.WriteStringValue(name);
        }

        writer.WriteEndArray();
        writer.WriteString("action", action);
        if (action == "SCMP_ACT_ERRNO")
        {
            writer.WriteNumber("errnoRet", OperationNotPermitted);
        }

        writer.WriteStartArray("args");
        foreach (var (operation, value, second) in firstArgument)
        {
            writer.WriteStartObject();
            writer.WriteNumber("index", 0);
            writer.WriteNumber("value", value);
            writer.WriteNumber("valueTwo", second);
            writer.WriteString("op", operation);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static string[] Architectures(bool with32Bit) => (RuntimeInformation.ProcessArchitecture, with32Bit) switch
    {
        (Architecture.Arm64, false) => ["SCMP_ARCH_AARCH64"],
        (Architecture.Arm64, true) => ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        (_, false) => ["SCMP_ARCH_X86_64"],
        (_, true) => ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    };

    /// <summary>A comparison of a call's first argument.</summary>
    private readonly record struct Condition(string Operation, ulong Value, ulong Second);

    /// <summary>One of the files of the profile; the caller disposes it.</summary>
    /// <param name="name">Its name.</param>
    public static JsonDocument Open(string name)
    {
        using var stream = typeof(SeccompProfile).Assembly.GetManifestResourceStream("BuildRunner.Containers.Engine.Oci." + name)
            ?? throw new InvalidOperationException($"The system call profile's {name} is missing from this build.");
        return JsonDocument.Parse(stream);
    }
}
