using System.Diagnostics;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Runs a program to its end.</summary>
internal static class HelperProgram
{
    /// <summary>Runs it; returns what it printed.</summary>
    /// <exception cref="ContainerException">It failed, or cannot be started.</exception>
    public static async Task<string> RunAsync(string path, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var info = new ProcessStartInfo(path) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        try
        {
            using var process = Process.Start(info) ?? throw new InvalidOperationException("No process was started.");
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = await process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0
                ? (await output).Trim()
                : throw new ContainerException(ContainerFailure.Internal, $"{path} {string.Join(' ', arguments)} ended with {process.ExitCode}: {errors.Trim()}");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, $"{path} cannot be started: {e.Message}", innerException: e);
        }
    }
}
