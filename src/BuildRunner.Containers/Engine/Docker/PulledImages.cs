using System.Globalization;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Which images BuildRunner had an engine pull, and when each was last wanted. An engine is shared with people: only these may be removed to make room.</summary>
/// <remarks>One line for each: milliseconds since 1970, the engine's address, the name, and for a private one the holders it was given to, each with its time. Several processes may use the file at once.</remarks>
/// <param name="file">The file; need not exist.</param>
/// <param name="engine">The engine's address.</param>
/// <param name="time">The clock.</param>
internal sealed class PulledImages(string file, string engine, TimeProvider time)
{
    private const int Attempts = 100, MostHolders = 32;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Where the key of holders' names is.</summary>
    public string KeyFile => file + ".key";

    /// <summary>True: an image was pulled through this object.</summary>
    public bool HasGrown { get; private set; }

    /// <summary>An image was pulled.</summary>
    /// <param name="name">Which.</param>
    /// <param name="holder">Whoever holds the credentials that it was pulled with; null: it was given without any, and everybody may have it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task PulledAsync(string name, string? holder, CancellationToken cancellationToken)
    {
        HasGrown = true;
        return GrantAsync(name, holder, cancellationToken);
    }

    /// <summary>The registry would give an image to somebody.</summary>
    public Task GrantAsync(string name, string? holder, CancellationToken cancellationToken) => ChangeAsync(
        all =>
        {
            var now = time.GetUtcNow();
            var earlier = all.GetValueOrDefault((engine, name))?.Holders ?? [];
            all[(engine, name)] = new PulledImage(now, holder is null ? [] : [(holder, now), .. earlier.Where(h => h.Holder != holder).Take(MostHolders - 1)]);
        },
        cancellationToken);

    /// <summary>To whom the registry has given an image, and when; empty: everybody may have it, or nobody pulled it through BuildRunner.</summary>
    public async Task<IReadOnlyList<(string Holder, DateTimeOffset At)>> HoldersOfAsync(string name, CancellationToken cancellationToken)
    {
        // An image that is asked for by its digest may have been pulled by its tag: what is private of a repository counts for all of it that is not known by itself.
        IReadOnlyList<(string, DateTimeOffset)> holders = [];
        await ChangeAsync(
            all => holders = all.TryGetValue((engine, name), out var own)
                ? own.Holders
                : [.. all.Where(i => i.Key.Engine == engine && RepositoryOf(i.Key.Name) == RepositoryOf(name)).SelectMany(i => i.Value.Holders)],
            cancellationToken);
        return holders;
    }

    /// <summary>An image was wanted. One that somebody else pulled stays unknown.</summary>
    public Task UsedAsync(string name, CancellationToken cancellationToken) => ChangeAsync(
        all =>
        {
            if (all.TryGetValue((engine, name), out var known))
            {
                all[(engine, name)] = known with { Used = time.GetUtcNow() };
            }
        },
        cancellationToken);

    /// <summary>An image is gone.</summary>
    public Task ForgetAsync(string name, CancellationToken cancellationToken) => ChangeAsync(all => all.Remove((engine, name)), cancellationToken);

    /// <summary>The images of this engine, the longest unused first.</summary>
    public async Task<IReadOnlyList<(string Name, DateTimeOffset Used)>> ListAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<(string, DateTimeOffset)> list = [];
        await ChangeAsync(all => list = [.. all.Where(i => i.Key.Engine == engine).OrderBy(i => i.Value.Used).Select(i => (i.Key.Name, i.Value.Used))], cancellationToken);
        return list;
    }

    private async Task ChangeAsync(Action<Dictionary<(string Engine, string Name), PulledImage>> change, CancellationToken cancellationToken)
    {
        await using var open = await OpenAsync(cancellationToken);
        if (open is null)
        {
            return;
        }

        using var reader = new StreamReader(open, leaveOpen: true);
        var before = await reader.ReadToEndAsync(cancellationToken);
        var all = Parse(before);
        change(all);
        var after = string.Concat(all.Select(i => $"{Write(i.Value.Used)} {i.Key.Engine} {i.Key.Name}{string.Concat(i.Value.Holders.Select(h => $" {h.Holder}:{Write(h.At)}"))}\n"));
        if (after != before)
        {
            open.SetLength(0);
            await open.WriteAsync(System.Text.Encoding.UTF8.GetBytes(after), cancellationToken);
        }
    }

    private async Task<FileStream?> OpenAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < Attempts && File.Exists(file))
            {
                // Another process has it, for a moment.
                await Task.Delay(Pause, time, cancellationToken);
            }
            catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
            {
                // An image that is not written down is not removed; a pull must not fail for that.
                return null;
            }
        }
    }

    private static string RepositoryOf(string name) =>
        name.IndexOf('@') is var at and >= 0 ? name[..at] : name.LastIndexOf(':') is var colon && colon > name.LastIndexOf('/') ? name[..colon] : name;

    private static string Write(DateTimeOffset at) => at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);

    private static DateTimeOffset? Read(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ms) && ms < 100_000_000_000_000 ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null;

    private static Dictionary<(string Engine, string Name), PulledImage> Parse(string text)
    {
        var all = new Dictionary<(string, string), PulledImage>();
        foreach (var words in text.Split('\n').Select(line => line.Split(' ')))
        {
            if (words is [var at, var engine, var name, .. var holders] && Read(at) is { } used)
            {
                all[(engine, name)] = new PulledImage(used, [.. holders.Select(h => h.Split(':')).Where(h => h.Length == 2).Select(h => (h[0], Read(h[1]) ?? DateTimeOffset.UnixEpoch))]);
            }
        }

        return all;
    }

    /// <param name="Used">When it was last wanted.</param>
    /// <param name="Holders">To whom the registry has given it, the latest first; empty: to everybody.</param>
    private sealed record PulledImage(DateTimeOffset Used, IReadOnlyList<(string Holder, DateTimeOffset At)> Holders);
}
