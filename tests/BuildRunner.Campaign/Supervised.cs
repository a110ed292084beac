using System.Runtime.InteropServices;
using BuildRunner.Testing.Services;

namespace BuildRunner.Campaign;

/// <summary>A process of the installation that is started again when it has died, as a unit of systemd with <c>Restart=always</c> is.</summary>
public sealed partial class Supervised : IAsyncDisposable
{
    private const int Kill = 9;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20), Pause = TimeSpan.FromMilliseconds(200);

    private readonly string[] command;
    private readonly IReadOnlyDictionary<string, string> environment;
    private readonly CancellationTokenSource stop = new();
    private readonly List<OwnedProcess> dead = [];
    private OwnedProcess process;
    private Task watch = Task.CompletedTask;

    private Supervised(string name, string[] command, IReadOnlyDictionary<string, string> environment, OwnedProcess process)
    {
        Name = name;
        this.command = command;
        this.environment = environment;
        this.process = process;
    }

    public string Name { get; }

    /// <summary>The process at the moment.</summary>
    public int Id => process.Id;

    /// <summary>How often it was started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Starts one.</summary>
    public static async Task<Supervised> StartAsync(string name, string log, IReadOnlyDictionary<string, string> environment, params string[] command)
    {
        var supervised = new Supervised(name, command, environment, await OwnedProcess.StartAsync(command, log, user: null, environment: environment));
        supervised.watch = Task.Run(supervised.WatchAsync);
        return supervised;
    }

    /// <summary>Kills the process, and nothing that it has started; it comes back by itself.</summary>
    public async Task KillAsync()
    {
        var killed = process;
        _ = Signal(killed.Id, Kill);
        while (killed.IsRunning)
        {
            await Task.Delay(Look);
        }
    }

    /// <summary>Sends another signal.</summary>
    public void Send(int signal) => _ = Signal(process.Id, signal);

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watch;
        foreach (var each in dead.Append(process))
        {
            await each.DisposeAsync();
        }

        stop.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(Look, stop.Token);
                if (!process.IsRunning)
                {
                    await Task.Delay(Pause, stop.Token);
                    var next = await OwnedProcess.StartAsync(command, process.Log, user: null, environment: environment);

                    // What it has started lives on, as with KillMode=process: shims have to tell how their containers ended.
                    dead.Add(Interlocked.Exchange(ref process, next));
                    Restarts++;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The campaign is over.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
