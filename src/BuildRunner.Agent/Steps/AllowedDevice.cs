using BuildRunner.Core.Expressions;

namespace BuildRunner.Agent.Steps;

/// <summary>One entry of the devices that whoever runs the machine allows (<see cref="StepPolicy.AllowedDevices"/>).</summary>
internal static class AllowedDevice
{
    private static readonly char[] Wildcards = ['*', '?', '[', '{'];

    /// <summary>Whether an entry allows a device.</summary>
    /// <param name="entry">A path, which allows what lies below it too, or a pattern. Links in it count as what they lead to, but for those in the part with wildcards.</param>
    /// <param name="device">Absolute path of the device, without links.</param>
    public static bool Covers(string entry, string device)
    {
        var wild = entry.IndexOfAny(Wildcards);
        if (!entry.StartsWith('/') || wild < 0)
        {
            return entry.StartsWith('/') && HostPath.IsAtOrBelow(device, HostPath.WithoutLinks(Path.GetFullPath(entry)));
        }

        var end = entry.LastIndexOf('/', wild);
        var folder = HostPath.WithoutLinks(Path.GetFullPath(entry[..(end + 1)]));
        return Glob.Parse($"{Glob.Escape(folder.TrimEnd('/'))}/{entry[(end + 1)..]}", out _)?.Matches(device) == true;
    }
}
