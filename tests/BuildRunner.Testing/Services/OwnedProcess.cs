using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace BuildRunner.Testing.Services;

/// <summary>A server process that ends with the test process, however that ends: a shell waits for its own input to close and then ends the whole group.</summary>
public sealed class OwnedProcess : IAsyncDisposable
{
    // $0 is the log, $1 the signal that ends the process properly; the rest is the command. What is left after five seconds is killed.
    // A signal to the whole group of the tests ends the waiting, and nothing more.
    private const string Watch = """
        trap : TERM INT HUP
        stop=$1; shift
        setsid "$@" >>"$0" 2>&1 </dev/null & child=$!
        echo $child
        cat >/dev/null
        kill -s $stop -- -$child 2>/dev/null
        (sleep 5; kill -s KILL -- -$child 2>/dev/null) & late=$!
        wait $child 2>/dev/null
        kill $late 2>/dev/null
        kill -s KILL -- -$child 2>/dev/null
        """;

    private readonly Process shell;

    private OwnedProcess(Process shell, int id, string log)
    {
        this.shell = shell;
        Id = id;
        Log = log;
    }

    /// <summary>The process, and the group it leads.</summary>
    public int Id { get; }

    /// <summary>The file with everything it wrote.</summary>
    public string Log { get; }

    /// <summary>True while the process exists.</summary>
    public bool IsRunning
    {
        get
        {
            try
            {
                return !File.ReadAllText($"/proc/{Id}/stat").Contains(") Z ", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                // Not there, or gone between opening and reading: the kernel then says ESRCH.
                return false;
            }
        }
    }

    /// <summary>Starts a command.</summary>
    /// <param name="command">Program and arguments.</param>
    /// <param name="log">File to append its output to.</param>
    /// <param name="user">User to run as when we are root; null: ours.</param>
    /// <param name="stopSignal">What ends it properly.</param>
    /// <param name="environment">Added to ours.</param>
    public static async Task<OwnedProcess> StartAsync(
        IEnumerable<string> command, string log, string? user, string stopSignal = "KILL", IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true, ArgumentList = { "-c", Watch, log, stopSignal } };
        foreach (var word in As(user).Concat(command))
        {
            start.ArgumentList.Add(word);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var shell = Process.Start(start) ?? throw new InvalidOperationException("no shell");
        var id = int.Parse(await shell.StandardOutput.ReadLineAsync() ?? "", CultureInfo.InvariantCulture);
        return new OwnedProcess(shell, id, log);
    }

    /// <summary>Runs a command to its end.</summary>
    /// <exception cref="InvalidOperationException">It did not exit with 0; the message holds what it wrote.</exception>
    public static async Task RunAsync(IEnumerable<string> command, string? user)
    {
        var words = As(user).Concat(command).ToList();
        var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        words.Skip(1).ToList().ForEach(start.ArgumentList.Add);
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"no {words[0]}");
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', words)} exited with {process.ExitCode}: {output}{await error}");
        }
    }

    /// <summary>A port of the loopback interface that nobody uses at this moment.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Sends a signal to the whole group, as <c>kill -9</c> of a machine's process would: <c>KILL</c>, <c>STOP</c>, <c>CONT</c>.</summary>
    public Task SignalAsync(string signal) => RunAsync(["/bin/kill", $"-{signal}", "--", $"-{Id}"], user: null);

    /// <summary>Ends it and waits until it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        shell.StandardInput.Close();
        await shell.WaitForExitAsync();
        shell.Dispose();
    }

    private static IEnumerable<string> As(string? user) =>
        user is null || !Environment.IsPrivilegedProcess ? [] : ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"];
}
