using System.Diagnostics;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Archives to and from an engine's API, by the host's <c>tar</c>.</summary>
internal static class TarProgram
{
    /// <summary>A file changed while it was read: the workspace of somebody who works in it.</summary>
    private const int SomethingChanged = 1;

    /// <summary>Writes what is in a directory, owned by root, to whoever reads the stream.</summary>
    /// <exception cref="ContainerException">The directory cannot be read.</exception>
    public static async Task PackAsync(string directory, Func<Stream, Task> send, CancellationToken cancellationToken)
    {
        using var tar = Start(["--create", "--file=-", "--directory", directory, "--owner=0", "--group=0", "--numeric-owner", "."], directory);
        tar.StandardInput.Close();
        var errors = tar.StandardError.ReadToEndAsync(cancellationToken);
        await send(tar.StandardOutput.BaseStream);
        await EndAsync(tar, errors, $"the workspace {directory} could not be read", cancellationToken);
    }

    /// <summary>Unpacks an archive of one directory into another, as this process's user and without the directory's own name.</summary>
    /// <exception cref="ContainerException">It is no archive, or no space is left.</exception>
    public static async Task UnpackAsync(Stream archive, string directory, CancellationToken cancellationToken)
    {
        using var tar = Start(["--extract", "--file=-", "--directory", directory, "--strip-components=1", "--no-same-owner", "--same-permissions"], directory);
        var errors = tar.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await archive.CopyToAsync(tar.StandardInput.BaseStream, cancellationToken);
            tar.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended early; its own words tell why.
        }

        await EndAsync(tar, errors, $"the workspace could not be unpacked to {directory}", cancellationToken);
    }

    private static Process Start(IReadOnlyList<string> arguments, string directory)
    {
        var info = new ProcessStartInfo("tar")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        try
        {
            return Process.Start(info) ?? throw new InvalidOperationException("no process was started");
        }
        catch (Exception missing) when (missing is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw new ContainerException(
                ContainerFailure.EngineUnavailable, $"an engine elsewhere needs the program tar on this host, for {directory}: {missing.Message}", innerException: missing);
        }
    }

    private static async Task EndAsync(Process tar, Task<string> errors, string problem, CancellationToken cancellationToken)
    {
        await tar.WaitForExitAsync(cancellationToken);
        if (tar.ExitCode > SomethingChanged)
        {
            throw new ContainerException(ContainerFailure.Internal, $"{problem}: tar ended with {tar.ExitCode}: {(await errors).Trim()}");
        }
    }
}
