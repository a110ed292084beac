using System.Diagnostics;

namespace BuildRunner.Cli.Tests;

/// <summary>The program as a process of its own, as it was built beside the tests.</summary>
internal static class CliProcess
{
    /// <summary>Where it is.</summary>
    public static string Directory => AppContext.BaseDirectory;

    /// <summary>What to start a program with that shall find it.</summary>
    public static ProcessStartInfo Info(string program, IEnumerable<string> arguments, string directory)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment["PATH"] = $"{Directory}:{Environment.GetEnvironmentVariable("PATH")}";
        info.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(typeof(object).Assembly.Location)!)!)!)!;
        info.Environment.Remove("CI");
        return info;
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(ProcessStartInfo info, CancellationToken cancellationToken)
    {
        using var process = Process.Start(info)!;
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken));
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
