using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace BuildRunner.EndToEnd.Tests;

/// <summary>The built release, driven as a person would drive it.</summary>
internal static partial class Release
{
    /// <summary>The checkout.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The executable that <c>./buildrunner</c> built.</summary>
    public static string Executable { get; } =
        Environment.GetEnvironmentVariable("BUILDRUNNER_APP") ?? Path.Combine(Root, "artifacts", "app", "buildrunner");

    public static Task<Finished> RunAsync(params string[] arguments) => RunInAsync(Root, arguments);

    public static async Task<Finished> RunInAsync(string directory, params string[] arguments)
    {
        await using var running = Start(directory, arguments);
        return await running.EndAsync(TimeSpan.FromMinutes(2));
    }

    public static Running Start(string directory, params string[] arguments) => Start(directory, new Dictionary<string, string?>(), arguments);

    public static Running Start(string directory, IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        StartProgram(Executable, directory, environment, arguments);

    /// <summary>Starts another build of the program.</summary>
    public static Running StartProgram(string program, string directory, IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        StartProgram(program, directory, environment, listens: false, arguments);

    /// <summary>The same; what it reads may be typed.</summary>
    public static Running StartProgram(string program, string directory, IReadOnlyDictionary<string, string?> environment, bool listens, params string[] arguments)
    {
        Assert.True(File.Exists(program), $"{program} is not there: run ./buildrunner version first");
        var info = new ProcessStartInfo(program)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment)
        {
            info.Environment[name] = value;
        }

        return new Running(Process.Start(info)!, listens);
    }

    [LibraryImport("libc", SetLastError = true, EntryPoint = "kill")]
    internal static partial int Kill(int processId, int signal);

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "BuildRunner.sln")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("the tests run from a checkout");
    }
}

/// <summary>What a finished run of the release said.</summary>
internal sealed record Finished(int Code, string Output, string Error)
{
    /// <summary>Both streams, for messages of assertions and searches.</summary>
    public string All => Output + Error;
}

/// <summary>A run of the release that goes on. Disposing it kills it if it still does.</summary>
internal sealed class Running : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new(), _error = new();
    private readonly Task _reading;
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="process">The program.</param>
    /// <param name="listens">True: it reads what <see cref="TypeAsync"/> is given; false: it has no input.</param>
    public Running(Process process, bool listens = false)
    {
        _process = process;
        if (!listens)
        {
            process.StandardInput.Close();
        }

        _reading = Task.WhenAll(ReadAsync(process.StandardOutput, _output), ReadAsync(process.StandardError, _error));
    }

    public int Id => _process.Id;

    /// <summary>What it has written so far.</summary>
    public string Said
    {
        get
        {
            lock (_lock)
            {
                return $"{_output}\n{_error}";
            }
        }
    }

    /// <summary>Writes to its input.</summary>
    public async Task TypeAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits until the text was written to either stream.</summary>
    public async Task SeesAsync(string text) => await FindAsync(Regex.Escape(text));

    /// <summary>Waits until a pattern was written to either stream; returns its first group, or all of it without groups.</summary>
    public async Task<string> FindAsync(string pattern)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (Find(pattern) is { } found)
                {
                    return found;
                }

                changed = _changed.Task;
            }

            try
            {
                await Task.WhenAny(changed, _reading).WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"'{pattern}' was not written within three minutes. Output:\n{_output}\n{_error}");
            }

            // Both streams are at their ends: nothing more can come.
            if (_reading.IsCompleted && Find(pattern) is null)
            {
                Assert.Fail($"it ended without writing '{pattern}'. Output:\n{_output}\n{_error}");
            }
        }
    }

    private string? Find(string pattern) =>
        new[] { _output, _error }.Select(o => Regex.Match(o.ToString(), pattern)).FirstOrDefault(m => m.Success) is { } match ? match.Groups[match.Groups.Count - 1].Value : null;

    public void Signal(int signal) => Assert.Equal(0, Release.Kill(_process.Id, signal));

    public async Task<Finished> EndAsync(TimeSpan limit)
    {
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
            await _reading.WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"it did not end within {limit}. Output:\n{_output}\n{_error}");
        }

        return new Finished(_process.ExitCode, _output.ToString(), _error.ToString());
    }

    /// <summary>Waits until it has ended, for so long at most.</summary>
    public async Task GoneAsync(TimeSpan limit)
    {
        using var deadline = new CancellationTokenSource(limit);
        await _process.WaitForExitAsync(deadline.Token).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader, StringBuilder into)
    {
        var buffer = new char[4096];
        int count;
        while ((count = await reader.ReadAsync(buffer)) > 0)
        {
            Add(into, buffer.AsSpan(0, count));
        }

        Add(into, []);
    }

    private void Add(StringBuilder into, ReadOnlySpan<char> text)
    {
        lock (_lock)
        {
            into.Append(text);
            var changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            changed.SetResult();
        }
    }
}

/// <summary>A directory of one test with its files, removed afterwards.</summary>
internal sealed class Tree : IDisposable
{
    public Tree(params (string Name, string Content)[] files)
    {
        Path = Directory.CreateTempSubdirectory("buildrunner-e2e-").FullName;
        foreach (var (name, content) in files)
        {
            var path = System.IO.Path.Combine(Path, name);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            File.WriteAllText(path, content);
        }
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
