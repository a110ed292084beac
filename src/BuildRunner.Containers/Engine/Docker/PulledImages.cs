using System.Globalization;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Which images BuildRunner had an engine pull, and when each was last wanted. An engine is shared with people: only these may be removed to make room.</summary>
/// <remarks>One line for each: milliseconds since 1970, the engine's address, the name. Several processes may use the file at once.</remarks>
/// <param name="file">The file; need not exist.</param>
/// <param name="engine">The engine's address.</param>
/// <param name="time">The clock.</param>
internal sealed class PulledImages(string file, string engine, TimeProvider time)
{
    private const int Attempts = 100;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>True: an image was pulled through this object.</summary>
    public bool HasGrown { get; private set; }

    /// <summary>An image was pulled.</summary>
    public Task PulledAsync(string name, CancellationToken cancellationToken)
    {
        HasGrown = true;
        return ChangeAsync(all => all[(engine, name)] = time.GetUtcNow(), cancellationToken);
    }

    /// <summary>An image was wanted. One that somebody else pulled stays unknown.</summary>
    public Task UsedAsync(string name, CancellationToken cancellationToken) => ChangeAsync(
        all =>
        {
            if (all.ContainsKey((engine, name)))
            {
                all[(engine, name)] = time.GetUtcNow();
            }
        },
        cancellationToken);

    /// <summary>An image is gone.</summary>
    public Task ForgetAsync(string name, CancellationToken cancellationToken) => ChangeAsync(all => all.Remove((engine, name)), cancellationToken);

    /// <summary>The images of this engine, the longest unused first.</summary>
    public async Task<IReadOnlyList<(string Name, DateTimeOffset Used)>> ListAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<(string, DateTimeOffset)> list = [];
        await ChangeAsync(all => list = [.. all.Where(i => i.Key.Engine == engine).OrderBy(i => i.Value).Select(i => (i.Key.Name, i.Value))], cancellationToken);
        return list;
    }

    private async Task ChangeAsync(Action<Dictionary<(string Engine, string Name), DateTimeOffset>> change, CancellationToken cancellationToken)
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
        var after = string.Concat(all.Select(i => string.Create(CultureInfo.InvariantCulture, $"{i.Value.ToUnixTimeMilliseconds()} {i.Key.Engine} {i.Key.Name}\n")));
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

    private static Dictionary<(string Engine, string Name), DateTimeOffset> Parse(string text) => text.Split('\n')
        .Select(line => line.Split(' '))
        .Where(words => words.Length == 3 && long.TryParse(words[0], CultureInfo.InvariantCulture, out _))
        .GroupBy(words => (words[1], words[2]))
        .ToDictionary(same => same.Key, same => DateTimeOffset.FromUnixTimeMilliseconds(same.Max(words => long.Parse(words[0], CultureInfo.InvariantCulture))));
}
