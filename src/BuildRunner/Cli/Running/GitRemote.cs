using System.Text.RegularExpressions;

namespace BuildRunner.Cli.Running;

/// <summary>A repository's address at a forge.</summary>
/// <param name="Host">Host, with port if it has one.</param>
/// <param name="Repository"><c>owner/name</c>.</param>
internal sealed partial record GitRemote(string Host, string Repository)
{
    /// <summary>The web address.</summary>
    public string Url => $"https://{Host}/{Repository}";

    /// <summary>The clone address; never with a name or password that <c>origin</c> may hold.</summary>
    public string CloneUrl => Url + ".git";

    /// <summary>The clone address over SSH.</summary>
    public string CloneSshUrl => $"git@{Host.Split(':')[0]}:{Repository}.git";

    /// <summary>Reads an address as git takes it; null if it names no host.</summary>
    public static GitRemote? Of(string? address)
    {
        var match = Address().Match(address ?? "");
        return match.Success ? new GitRemote(match.Groups["host"].Value, match.Groups["path"].Value) : null;
    }

    [GeneratedRegex(@"\A((https?|ssh|git)://([^@/]+@)?(?<host>[^/@:]+(:[0-9]+)?)/|([^@/:]+@)?(?<host>[^/@:]+):(?!/))(?<path>[^\s]+?)(\.git)?/?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Address();
}
