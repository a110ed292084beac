using System.Text.Json;
using BuildRunner.Settings;

namespace BuildRunner.Cli.LocalRuns;

/// <summary>The stored local runs: a directory for each, named by its id, which sorts by time. Readable by their user only.</summary>
internal sealed class LocalRuns(string root)
{
    private const string RecordName = "run.json";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>A run that has no end after this time is one whose process was killed.</summary>
    private static readonly TimeSpan LongestRun = TimeSpan.FromDays(7);

    /// <summary>Those that the settings name.</summary>
    public static LocalRuns Of(EffectiveSettings settings, CliHost host) => new(settings.Text(SettingKeys.LocalRunsDir) ?? StateDirectory.Of(host, "runs"));

    /// <summary>All whose records can be read, the newest first.</summary>
    public IEnumerable<LocalRunRecord> List() => Directories().Select(Read).OfType<LocalRunRecord>();

    /// <summary>The directory of a run.</summary>
    public string DirectoryOf(string id) => Path.Combine(root, id);

    /// <summary>Makes the directory of a new run.</summary>
    public string Create(string id)
    {
        Directory.CreateDirectory(root, OwnerOnly);
        return Directory.CreateDirectory(DirectoryOf(id), OwnerOnly).FullName;
    }

    /// <summary>Stores what is known of a run.</summary>
    public void Save(LocalRunRecord record)
    {
        var path = Path.Combine(DirectoryOf(record.Id), RecordName);
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(record, LocalRunJson.Default.LocalRunRecord));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Removes all but the newest; runs that go on stay, and do not count.</summary>
    /// <returns>How many were removed.</returns>
    public int Prune(int keep, DateTimeOffset now)
    {
        var ended = Directories().Where(d => Read(d) is not { Ended: null } record || now - record.Started > LongestRun).ToList();
        foreach (var directory in ended.Skip(keep))
        {
            try
            {
                Directory.Delete(directory, recursive: true);
            }
            catch (DirectoryNotFoundException)
            {
                // Another command was faster.
            }
        }

        return Math.Max(0, ended.Count - keep);
    }

    private IEnumerable<string> Directories() => Directory.Exists(root) ? Directory.GetDirectories(root).OrderDescending(StringComparer.Ordinal) : [];

    private static LocalRunRecord? Read(string directory)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(directory, RecordName)), LocalRunJson.Default.LocalRunRecord);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Being made or removed just now, or not ours.
            return null;
        }
    }
}
