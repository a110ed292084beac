using System.Globalization;
using BuildRunner.Containers.Storage;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The ordinary user whose process this is, in a user namespace of its own where that user is root.</summary>
/// <param name="Id">The user's number on the host.</param>
/// <param name="Name">The user's name.</param>
/// <param name="StateRoot">The user's folder for what lives as long as a run.</param>
public sealed record RootlessUser(uint Id, string Name, string StateRoot)
{
    /// <summary>The variable by which a process is told that it is one.</summary>
    public static string Variable => HostPaths.RootlessVariable;

    /// <summary>That of this process; null: it is the host's root, or an ordinary user outside of such a namespace.</summary>
    public static RootlessUser? OfThisProcess { get; } = Find();

    /// <summary>True: this process is root of the host, and not only of a namespace that BuildRunner made.</summary>
    public static bool IsRootOfHost => Environment.IsPrivilegedProcess && OfThisProcess is null;

    /// <summary>What <see cref="Variable"/> is set to.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id}:{StateRoot}:{Name}");

    /// <summary>The variable alone is not believed: it may have come from somewhere else.</summary>
    private static RootlessUser? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split(':', 3) is not [var number, var state, var name]
            || !uint.TryParse(number, CultureInfo.InvariantCulture, out var id) || Libc.EffectiveUser() != 0)
        {
            return null;
        }

        var first = File.ReadLines("/proc/self/uid_map").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return first is ["0", var own, _] && own == number ? new RootlessUser(id, name, state) : null;
    }
}
