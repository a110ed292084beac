namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Processes of a helper that has a name of its own, by which they are found among those of other tests.</summary>
internal static class HelperProcesses
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Waits until there is one that was started with a verb.</summary>
    public static async Task<int> FindAsync(string path, string verb, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var found = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).FirstOrDefault(n => n!.All(char.IsAsciiDigit) && TryRead($"/proc/{n}/cmdline") == $"{path}\0{verb}\0");
            if (found is not null)
            {
                return int.Parse(found);
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, $"{path} {verb} was not started");
            await Task.Delay(10, cancellationToken);
        }
    }

    /// <summary>What a file below <c>/proc</c> says; empty if the process has ended.</summary>
    public static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
