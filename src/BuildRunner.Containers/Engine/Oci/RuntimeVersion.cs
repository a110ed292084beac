using System.Globalization;
using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The version of an OCI runtime, ordered as releases are: a candidate comes before its release.</summary>
/// <param name="Major">First number.</param>
/// <param name="Minor">Second number.</param>
/// <param name="Patch">Third number; 0 if there is none.</param>
/// <param name="Candidate">Number of a release candidate; <see cref="int.MaxValue"/> for a release.</param>
internal sealed partial record RuntimeVersion(int Major, int Minor, int Patch, int Candidate) : IComparable<RuntimeVersion>
{
    /// <summary>Reads a version as runtimes and distributions write it: <c>1.1.5+ds1</c>, <c>1.2.0-rc.3</c>, <c>1.0.0~rc93</c>, <c>0.17</c>.</summary>
    public static RuntimeVersion? TryParse(string text)
    {
        var match = Pattern().Match(text);
        return match.Success
            ? new RuntimeVersion(Number("major"), Number("minor"), Number("patch"), match.Groups["candidate"].Success ? Number("candidate") : int.MaxValue)
            : null;

        int Number(string group) => int.TryParse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    public int CompareTo(RuntimeVersion? other) => other is null ? 1 : (Major, Minor, Patch, Candidate).CompareTo((other.Major, other.Minor, other.Patch, other.Candidate));

    public override string ToString() => $"{Major}.{Minor}{(Patch > 0 || Candidate < int.MaxValue || Major > 0 ? $".{Patch}" : "")}{(Candidate < int.MaxValue ? $"-rc.{Candidate}" : "")}";

    [GeneratedRegex(@"(?<major>\d{1,6})\.(?<minor>\d{1,6})(\.(?<patch>\d{1,6}))?([-~]rc[.]?(?<candidate>\d{1,6}))?", RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
