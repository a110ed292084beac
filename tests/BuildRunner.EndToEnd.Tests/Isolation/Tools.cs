using System.Diagnostics;

namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>Programs of the host that tests make their surroundings with.</summary>
internal static class Tools
{
    /// <summary>Runs one to its end; what it printed.</summary>
    public static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
        return output;
    }
}
