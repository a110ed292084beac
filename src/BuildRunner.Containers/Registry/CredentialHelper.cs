using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace BuildRunner.Containers.Registry;

/// <summary>Asks a program <c>docker-credential-NAME</c> for credentials (protocol of Docker's credential helpers).</summary>
internal static partial class CredentialHelper
{
    private const int LongestAnswer = 256 * 1024;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    /// <summary>The credentials for <paramref name="server"/>, or why there are none; both null if the helper knows none.</summary>
    public static async Task<(RegistryCredentials? Credentials, string? Problem)> GetAsync(string name, string server, CancellationToken cancellationToken)
    {
        if (!NamePattern().IsMatch(name))
        {
            return (null, $"'{name}' is not a name of a credential helper");
        }

        var program = $"docker-credential-{name}";
        var start = new ProcessStartInfo(program)
        {
            ArgumentList = { "get" },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start) ?? throw new Win32Exception();
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(LongestWait);
            try
            {
                return await TalkAsync(process, program, server, deadline.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return (null, $"the credential helper {program} did not answer within {LongestWait.TotalSeconds:F0} s");
            }
            finally
            {
                if (!process.HasExited)
                {
                    process.Kill(entireProcessTree: true);
                }
            }
        }
        catch (Win32Exception)
        {
            return (null, $"the credential helper {program} is not installed");
        }
    }

    private static async Task<(RegistryCredentials?, string?)> TalkAsync(Process process, string program, string server, CancellationToken cancellationToken)
    {
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await process.StandardInput.WriteAsync(server.AsMemory(), cancellationToken).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its exit code tells the rest.
        }

        var buffer = new char[LongestAnswer];
        var count = await process.StandardOutput.ReadBlockAsync(buffer, cancellationToken).ConfigureAwait(false);
        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        await errors.ConfigureAwait(false);
        var answer = new string(buffer, 0, count);
        if (process.ExitCode != 0)
        {
            // This is how helpers say "none".
            return answer.Contains("not found", StringComparison.OrdinalIgnoreCase)
                ? (null, null)
                : (null, $"the credential helper {program} ended with {process.ExitCode}");
        }

        try
        {
            return JsonSerializer.Deserialize(answer, RegistryJson.Default.HelperJson) is { Secret: { Length: > 0 } secret } found
                ? (new RegistryCredentials(found.Username is "<token>" or "" ? null : found.Username, secret) { Origin = program }, null)
                : (null, null);
        }
        catch (JsonException)
        {
            return (null, $"the credential helper {program} printed something that is no answer");
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex NamePattern();
}
