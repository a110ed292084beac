using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Names that become parts of paths, host names and cgroups.</summary>
internal static partial class Names
{
    public static void CheckGroup(string id)
    {
        if (!GroupPattern().IsMatch(id))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The group id '{id}' must be 1 to 64 letters, digits, '-' and '_'.");
        }
    }

    public static void CheckFile(string name)
    {
        if (!FilePattern().IsMatch(name) || name is "." or ".." || name == SecurityProfile.InitName)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"'{name}' cannot be the name of an injected file.");
        }
    }

    /// <summary>A container's name as a host name: what is not a letter or digit becomes a hyphen.</summary>
    public static string HostName(string container)
    {
        var host = new string([.. container.ToLowerInvariant().Take(63).Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]).Trim('-');
        return host.Length > 0 ? host : "container";
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex GroupPattern();

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,255}\z")]
    private static partial Regex FilePattern();
}
