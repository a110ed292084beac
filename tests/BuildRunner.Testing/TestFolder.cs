using System.Diagnostics;

namespace BuildRunner.Testing;

/// <summary>A folder of one test's own, removed with everything in it.</summary>
public sealed class TestFolder : IDisposable
{
    private TestFolder(string path) => Path = path;

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    public static TestFolder Create() => new(Directory.CreateTempSubdirectory("buildrunner-test-").FullName);

    /// <summary>A path in the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Removes the folder by <c>rm</c>: names in it need not be text.</summary>
    public void Dispose()
    {
        using var remove = Process.Start(new ProcessStartInfo("rm") { ArgumentList = { "-rf", Path } });
        remove?.WaitForExit();
    }
}
