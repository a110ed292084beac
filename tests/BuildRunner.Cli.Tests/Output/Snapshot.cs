using System.Runtime.CompilerServices;

namespace BuildRunner.Cli.Tests.Output;

/// <summary>Texts that are kept beside the tests. Run with <c>UPDATE_SNAPSHOTS=1</c> in the environment to write them anew, and look at what changed.</summary>
internal static class Snapshot
{
    /// <summary>Fails unless the text is the one that is kept.</summary>
    public static void Match(string text, [CallerMemberName] string name = "", [CallerFilePath] string file = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(file)!, "Snapshots", name + ".txt");
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text + "\n");
        }

        Assert.Equal(File.ReadAllText(path), text + "\n");
    }
}
