using System.Diagnostics;
using BuildRunner.Testing.Services;

namespace BuildRunner.Testing.Git;

/// <summary>OpenSSH's server on a port of the loopback interface that lets one key in, as root.</summary>
public sealed class SshServer : IDisposable
{
    private readonly TestFolder folder;
    private readonly Process process;

    private SshServer(TestFolder folder, int port)
    {
        this.folder = folder;
        Port = port;
        process = Run();
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>The private key that is let in.</summary>
    public string Key => File.ReadAllText(folder["id"]);

    /// <summary>Starts one; its keys lie in the folder.</summary>
    public static SshServer Start(TestFolder folder)
    {
        Requires.Root();
        Requires.Program("sshd", "ssh", "ssh-keygen");
        var port = OwnedProcess.FreePort();
        MakeKey(folder["host"]);
        MakeKey(folder["id"]);
        File.Copy(folder["id.pub"], folder["authorized"]);
        Directory.CreateDirectory("/run/sshd");
        return new SshServer(folder, port);
    }

    /// <summary>An address of a repository in a folder of this machine.</summary>
    public string AddressOf(string path) => $"ssh://root@127.0.0.1:{Port}{path}";

    /// <inheritdoc/>
    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private static void MakeKey(string path)
    {
        using var make = Process.Start(new ProcessStartInfo("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]))!;
        make.WaitForExit();
    }

    private Process Run()
    {
        string[] options = ["ListenAddress=127.0.0.1", $"AuthorizedKeysFile={folder["authorized"]}", "StrictModes=no", "PidFile=none", "PermitRootLogin=yes", "UsePAM=no"];
        string[] arguments = ["-D", "-e", "-f", "/dev/null", "-p", $"{Port}", "-h", folder["host"], .. options.SelectMany(o => new[] { "-o", o })];
        var started = Process.Start(new ProcessStartInfo(Requires.Find("sshd")!, arguments) { RedirectStandardError = true })!;
        while (started.StandardError.ReadLine() is { } line && !line.Contains("Server listening", StringComparison.Ordinal))
        {
        }

        started.StandardError.ReadToEndAsync();
        return started;
    }
}
