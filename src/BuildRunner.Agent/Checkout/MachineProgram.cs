using System.ComponentModel;
using System.Diagnostics;

namespace BuildRunner.Agent.Checkout;

/// <summary>Programs of the machine, by name.</summary>
internal static class MachineProgram
{
    /// <summary>Where the program is that would be started by this name; null if there is none.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Where(Path.IsPathFullyQualified)
        .Select(d => Path.Combine(d, name)).FirstOrDefault(p => File.Exists(p) && (File.GetUnixFileMode(p) & UnixFileMode.UserExecute) != 0);

    /// <summary>Runs one to its end; whatever it answers is a result.</summary>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static async Task<(int Code, string Output)> RunAsync(string name, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var info = new ProcessStartInfo(name, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["LC_ALL"] = "C";
        try
        {
            using var process = Process.Start(info) ?? throw new InvalidOperationException("no process was started");
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await errors;
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, output);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            throw new IOException($"{name} cannot be started: {e.Message}", e);
        }
    }
}
