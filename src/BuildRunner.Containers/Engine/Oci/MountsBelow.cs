using System.Text;
using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>What is mounted in a directory. To whom the host's mounts are closed the kernel shows no directory without them: they may hide what is below.</summary>
internal static partial class MountsBelow
{
    /// <exception cref="ContainerException">An ordinary user cannot give a container this directory, because something is mounted in it.</exception>
    /// <param name="what">What the directory is, for a person.</param>
    /// <param name="directory">The directory.</param>
    public static void Refuse(string what, string directory)
    {
        var real = RealPath.Of(directory);
        var below = real == "/" ? "/" : real + "/";
        var mount = File.ReadLines("/proc/self/mountinfo").Select(l => l.Split(' ')).Where(w => w.Length > 4).Select(w => Plain(w[4]))
            .FirstOrDefault(m => m != "/" && m.StartsWith(below, StringComparison.Ordinal));
        if (mount is not null)
        {
            throw new ContainerException(
                ContainerFailure.InvalidSpec,
                $"{what} {directory} cannot be used without root: {mount} is mounted in it, and Linux shows an ordinary user's containers no directory without what is mounted there. Use a directory without mounts, an image, or sudo.");
        }
    }

    // Blanks and the like are written as three octal digits.
    private static string Plain(string text) => text.Contains('\\', StringComparison.Ordinal)
        ? Encoding.UTF8.GetString([.. Escapes().Split(text).SelectMany(p => p.Length == 4 && p[0] == '\\' ? [Convert.ToByte(p[1..], 8)] : Encoding.UTF8.GetBytes(p))])
        : text;

    [GeneratedRegex(@"(\\[0-7]{3})")]
    private static partial Regex Escapes();
}
