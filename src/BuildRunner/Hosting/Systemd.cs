using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace BuildRunner.Hosting;

/// <summary>Tells systemd how a service is (sd_notify). Without <c>NOTIFY_SOCKET</c> nobody listens, and nothing is sent.</summary>
internal sealed class Systemd : IDisposable
{
    private readonly Socket? socket;
    private readonly UnixDomainSocketEndPoint? address;

    private Systemd(string? path, TimeSpan? watchdog)
    {
        Watchdog = watchdog;
        if (path is { Length: > 1 })
        {
            socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            address = new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path);
        }
    }

    /// <summary>How often systemd wants to hear that the service lives; null: it does not care.</summary>
    public TimeSpan? Watchdog { get; }

    /// <summary>Reads what systemd put into the environment.</summary>
    public static Systemd Of(IReadOnlyDictionary<string, string> environment)
    {
        var mine = !environment.TryGetValue("WATCHDOG_PID", out var pid) || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        var watchdog = mine && long.TryParse(environment.GetValueOrDefault("WATCHDOG_USEC"), CultureInfo.InvariantCulture, out var microseconds) && microseconds > 0
            ? TimeSpan.FromMicroseconds(microseconds)
            : (TimeSpan?)null;
        return new Systemd(environment.GetValueOrDefault("NOTIFY_SOCKET"), watchdog);
    }

    /// <summary>The service serves.</summary>
    public void Ready() => Send("READY=1");

    /// <summary>The service is about to end.</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <summary>Says that the service lives, as often as systemd wants, until it is cancelled.</summary>
    public async Task KeepAliveAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        if (Watchdog is not { } limit)
        {
            return;
        }

        // By way of the thread pool: when that is stuck the service is, and systemd starts it anew.
        using var timer = new PeriodicTimer(limit / 3, time);
        try
        {
            do
            {
                Send("WATCHDOG=1");
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
    }

    public void Dispose() => socket?.Dispose();

    private void Send(string state)
    {
        try
        {
            socket?.SendTo(Encoding.ASCII.GetBytes(state), address!);
        }
        catch (SocketException)
        {
            // Whoever started this listens no more; that is no reason to stop serving.
        }
    }
}
