using System.Diagnostics;

namespace BuildRunner.Benchmarks;

/// <summary>Runs programs and finds the ones that this repository builds.</summary>
internal static class Programs
{
    /// <summary>The root of the repository: the folder with the launcher.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Runs a program to its end, its output thrown away.</summary>
    /// <exception cref="InvalidOperationException">It did not exit with 0.</exception>
    public static async Task RunAsync(string program, params string[] arguments)
    {
        var (code, output) = await CaptureAsync(program, arguments);
        if (code != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} exited with {code}:\n{output}");
        }
    }

    /// <summary>Runs a program to its end and returns its exit code and everything it wrote.</summary>
    public static async Task<(int Code, string Output)> CaptureAsync(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        using var process = Process.Start(info) ?? throw new InvalidOperationException($"{program} did not start");
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await error);
    }

    /// <summary>Whether a program is on the search path.</summary>
    public static bool Exists(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, program)));

    /// <summary>BuildRunner's native helper, as it was published last.</summary>
    public static string FindSandbox()
    {
        string[] candidates =
        [
            Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX") ?? "",
            Path.Combine(Root, "artifacts/sandbox/buildrunner-sandbox"),
            Path.Combine(Root, "artifacts/app/buildrunner-sandbox"),
        ];
        return candidates.FirstOrDefault(File.Exists) ?? throw new InvalidOperationException("dotnet publish src/BuildRunner.Sandbox -c Release -o artifacts/sandbox");
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "BuildRunner.sln")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("run the benchmarks from a checkout");
    }
}
