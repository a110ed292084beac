using System.Diagnostics;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>A holder or shim that this process has started, and the messages to and from it. When this process ends, however, it notices.</summary>
internal sealed class SandboxProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Stream _input;
    private readonly Stream _output;
    private readonly SemaphoreSlim _writing = new(1);
    private readonly byte[] _header = new byte[Frame.HeaderLength];

    private SandboxProcess(Process process)
    {
        _process = process;
        _input = process.StandardInput.BaseStream;
        _output = process.StandardOutput.BaseStream;
    }

    public int Id => _process.Id;

    /// <summary>True: it runs no more.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Starts the helper with a verb.</summary>
    /// <exception cref="ContainerException">It cannot be started.</exception>
    public static SandboxProcess Start(string path, string verb)
    {
        var info = new ProcessStartInfo(path) { RedirectStandardInput = true, RedirectStandardOutput = true };
        info.ArgumentList.Add(verb);
        try
        {
            return new SandboxProcess(Process.Start(info) ?? throw new InvalidOperationException("No process was started."));
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, $"BuildRunner's helper {path} cannot be started: {e.Message}", innerException: e);
        }
    }

    /// <summary>Sends a message; false if the other side is gone.</summary>
    public async Task<bool> SendAsync(byte[] frame, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            // Half a message would make nonsense of the next: once begun, it is sent.
            await _input.WriteAsync(frame, CancellationToken.None);
            await _input.FlushAsync(CancellationToken.None);
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The other side's end is noticed, and reported, where its messages are read.
            return false;
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>The next message; null when the other side is gone. One reader at a time.</summary>
    public async Task<Frame?> ReceiveAsync()
    {
        try
        {
            await _output.ReadExactlyAsync(_header, CancellationToken.None);
            var payload = new byte[Frame.ReadLength(_header) - 1];
            await _output.ReadExactlyAsync(payload, CancellationToken.None);
            return new Frame(_header[sizeof(int)], payload);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // EndOfStreamException is an IOException.
            return null;
        }
    }

    /// <summary>Ends the conversation: the other side takes it as the end of its caller.</summary>
    public async Task HangUpAsync()
    {
        await _writing.WaitAsync();
        try
        {
            await _input.DisposeAsync();
        }
        catch (IOException)
        {
            // Nothing is buffered that could be lost.
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Waits for the process to end; if it does not within the time, it is killed.</summary>
    public async Task WaitForExitAsync(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <remarks>Whoever sends later gets what is said when the other side is gone; so <see cref="_writing"/>, which holds nothing that had to be given back, stays usable.</remarks>
    public async ValueTask DisposeAsync()
    {
        await HangUpAsync();
        await _output.DisposeAsync();
        _process.Dispose();
    }
}
