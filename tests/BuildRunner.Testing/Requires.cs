using System.Runtime.InteropServices;
using Xunit;

namespace BuildRunner.Testing;

/// <summary>What a test needs of its host. Missing: the test is skipped with the reason; with <c>CI=true</c> it fails instead.</summary>
public static partial class Requires
{
    /// <summary>True on CI, where nothing may be missing.</summary>
    public static bool IsCi { get; } = string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase);

    /// <summary>The effective user is root.</summary>
    public static void Root() => That(GetEffectiveUserId() == 0, "root");

    /// <summary>Every one of these programs is on the search path.</summary>
    public static void Program(params string[] names)
    {
        foreach (var name in names)
        {
            That(Find(name) is not null, $"the program {name}");
        }
    }

    /// <summary>A file or directory of the host exists.</summary>
    public static void Path(string path) => That(System.IO.Path.Exists(path), path);

    /// <summary>Any condition; <paramref name="what"/> completes "this test needs …".</summary>
    public static void That(bool present, string what)
    {
        if (present)
        {
            return;
        }

        if (IsCi)
        {
            Assert.Fail($"this test needs {what}, and CI must have it");
        }

        Assert.Skip($"this test needs {what}");
    }

    /// <summary>Where a program of the search path is; null if it is nowhere. The directories of administrators are searched too.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/local/sbin", "/usr/sbin", "/sbin"])
            .Where(directory => directory.Length > 0)
            .Select(directory => System.IO.Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();
}
