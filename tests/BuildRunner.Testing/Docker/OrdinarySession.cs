using System.Diagnostics;
using System.Globalization;

namespace BuildRunner.Testing.Docker;

/// <summary>A session of an ordinary user, in which programs can be started and looked for; with its end everything that the user started ends.</summary>
public sealed class OrdinarySession : IAsyncDisposable
{
    private readonly EngineProcess _process;

    private OrdinarySession(OrdinaryUser user, EngineProcess process)
    {
        User = user;
        _process = process;
    }

    /// <summary>Whose it is.</summary>
    public OrdinaryUser User { get; }

    /// <summary>The process that holds the session's namespaces together.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Starts a session, and waits until the user's mounts are there. The user is disposed with it.</summary>
    public static async Task<OrdinarySession> StartAsync(OrdinaryUser user)
    {
        var ready = Path.Combine(user.Session, "begun");
        var session = new OrdinarySession(user, EngineProcess.Start("unshare", user.First("sh", "-c", "touch \"$XDG_RUNTIME_DIR/begun\"; exec sleep 100000"), politely: false));
        var (waiting, limit) = (Stopwatch.StartNew(), TimeSpan.FromMinutes(1));
        while (!File.Exists(ready))
        {
            if (session._process.HasEnded || waiting.Elapsed > limit)
            {
                var said = session._process.Said;
                await session.DisposeAsync();
                throw new InvalidOperationException($"the session of an ordinary user did not begin: {said}");
            }

            await Task.Delay(20);
        }

        File.Delete(ready);
        return session;
    }

    /// <inheritdoc cref="OrdinaryUser.Next"/>
    public string[] Next(string directory, IReadOnlyDictionary<string, string> more, params IEnumerable<string> command) => User.Next(ProcessId, directory, more, command);

    /// <summary>What runs in the session beside its first processes, also in containers: names, with the process ids that this host knows.</summary>
    public IReadOnlyList<(int Id, string Name)> Processes()
    {
        var own = Namespace(ProcessId, "pid_for_children");
        var depth = Numbers(ProcessId).Length + 1;
        return
        [
            .. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, CultureInfo.InvariantCulture, out _))
                .Select(n => int.Parse(n!, CultureInfo.InvariantCulture)).Where(id => IsIn(id, own) && !IsFirst(id, depth)).Select(id => (id, NameOf(id))).Where(p => p.Item2.Length > 0),
        ];
    }

    /// <summary>What is mounted in the session.</summary>
    public IReadOnlyList<string> Mounts() => File.ReadAllLines($"/proc/{ProcessId}/mountinfo");

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        User.Dispose();
    }

    // A container has a process namespace of its own below the session's.
    private static bool IsIn(int id, string? own) => Namespace(id, "pid") is { } pid && (pid == own || Ancestors(id).Any(a => Namespace(a, "pid") == own));

    // The shell that made the mounts, and what it waits for.
    private static bool IsFirst(int id, int depth) => Numbers(id) is var numbers && numbers.Length == depth && (numbers[^1] == "1" || NameOf(id) == "sleep");

    private static string[] Numbers(int id) => Status(id, "NSpid:")?.Split('\t', StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static IEnumerable<int> Ancestors(int id)
    {
        while (Status(id, "PPid:") is { } parent && int.Parse(parent, CultureInfo.InvariantCulture) is var next and > 0)
        {
            yield return id = next;
        }
    }

    private static string? Status(int id, string key)
    {
        try
        {
            return File.ReadLines($"/proc/{id}/status").FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal))?[key.Length..].Trim();
        }
        catch (IOException)
        {
            // It has ended.
            return null;
        }
    }

    private static string NameOf(int id) => Status(id, "State:")?.StartsWith('Z') == true ? "" : Status(id, "Name:") ?? "";

    private static string? Namespace(int id, string kind)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{id}/ns/{kind}", false)?.Name;
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is not even root's to look at.
            return null;
        }
    }
}
