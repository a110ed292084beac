using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace BuildRunner.Testing.Docker;

/// <summary>A daemon of a test's own, whose last words are kept for the error message.</summary>
internal sealed partial class EngineProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly bool _politely;

    private EngineProcess(Process process, bool politely)
    {
        _process = process;
        _politely = politely;
    }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    public string Said
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables beyond ours.</param>
    /// <param name="politely">True: it is asked to end and has time for it; false: it is killed.</param>
    public static EngineProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, bool politely = true)
    {
        var info = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            info.Environment[name] = value;
        }

        var started = new EngineProcess(Process.Start(info) ?? throw new InvalidOperationException($"{program} did not start"), politely);
        started._process.OutputDataReceived += started.Keep;
        started._process.ErrorDataReceived += started.Keep;
        started._process.BeginOutputReadLine();
        started._process.BeginErrorReadLine();
        return started;
    }

    /// <summary>Waits until the daemon answers at its socket.</summary>
    public async Task WaitForSocketAsync(string path)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var http = EngineHttp.At(path);
        while (!await AnswersAsync(http, deadline.Token))
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException($"the engine ended with {_process.ExitCode}: {_output}");
            }

            await Task.Delay(50, deadline.Token);
        }
    }

    /// <summary>Waits until a program that ends by itself has.</summary>
    public async Task WaitForEndAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(limit.Token);
    }

    /// <summary>Ends it. What it started and what still has its output is not waited for: that could last for ever.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _ = Kill(_process.Id, _politely ? 15 : 9);
        }

        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);

            // With a limit it waits for the process alone, not for the ends of its output.
            _process.WaitForExit(Patience);
        }

        _process.Dispose();
    }

    private static async Task<bool> AnswersAsync(HttpClient http, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync("/_ping", stop);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            // Not listening yet.
            return false;
        }
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
        {
            _output.AppendLine(line.Data);
            if (_output.Length > 20_000)
            {
                _output.Remove(0, 10_000);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
