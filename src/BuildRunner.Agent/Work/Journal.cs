using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>What the agent has taken on, on disk before anything is made for it. Whoever comes after a crash reads here what may be left, and what has to be said.</summary>
/// <remarks>
/// A folder per piece of work: <c>secrets</c> (what has to be masked, sealed) and <c>entry</c> (what it is) are written first, with room for <c>started</c>, which is filled in when the server has stored the intent and before
/// the first instruction; <c>result</c> before the result is sent. The folder goes when the server has the result, and all of the logs in it.
/// </remarks>
internal sealed class Journal(WorkFolder folder)
{
    private const string EntryName = "entry", SecretsName = "secrets", StartedName = "started", ResultName = "result", LogPrefix = "log.", NoImage = "-";
    private static readonly AgentJson Json = AgentJson.Default;

    /// <summary>Notes that a piece of work was taken. When this returns, whoever comes after this process can read it.</summary>
    /// <returns>Completes when it is on the disk, where it outlives the machine's failure too.</returns>
    public Task BeginAsync(WorkItem item, string group)
    {
        var directory = folder.Work(item.Id);
        TreeRemoval.Remove(directory);
        DurableFile.MakeDirectory(directory);
        var secrets = SecretsOf(item.Task);
        var onDisk = new List<Task>();
        if (secrets.Count > 0)
        {
            onDisk.Add(DurableFile.WriteAsync(SecretsFile(item.Id), folder.Seal.Seal(JsonSerializer.SerializeToUtf8Bytes(secrets, Json.IReadOnlyListString))));
        }

        var step = item.Task as WorkTask.Step;
        var entry = new JournalEntry
        {
            Id = item.Id.Value,
            Fence = item.Fence,
            Kind = KindOf(item.Task),
            StartId = item.Start.Value,
            Name = item.RunName,
            Workflow = item.Workflow,
            Step = step?.Plan.Name,
            Attempt = step?.Attempt ?? 0,
            Group = group,
            Secrets = secrets.Count,
            Room = step is not null,
        };
        if (step is not null)
        {
            onDisk.Add(DurableFile.MakeRoomAsync(StartedFile(item.Id)));
        }

        onDisk.Add(DurableFile.WriteAsync(Path.Combine(directory, EntryName), JsonSerializer.SerializeToUtf8Bytes(entry, Json.JournalEntry)));
        return Task.WhenAll(onDisk);
    }

    /// <summary>Notes that the server has stored the intent: from here on the attempt may have run.</summary>
    public void Started(WorkId work, string? image) => DurableFile.Fill(StartedFile(work), Encoding.UTF8.GetBytes(image is { Length: > 0 } ? image : NoImage));

    /// <summary>Notes how it ended.</summary>
    public void Ended(WorkId work, ResultRequest result)
    {
        try
        {
            DurableFile.Write(Path.Combine(folder.Work(work), ResultName), JsonSerializer.SerializeToUtf8Bytes(result, AgentContractJson.Default.ResultRequest));
        }
        catch (IOException)
        {
            // The disk is full. The result is told all the same; only after a crash in this very moment it would be lost, and said to be.
        }
    }

    /// <summary>Forgets a piece of work: all has been said.</summary>
    public void Forget(WorkId work) => TreeRemoval.Remove(folder.Work(work));

    /// <summary>The file of one of its logs.</summary>
    public string LogOf(WorkId work, string stream) => Path.Combine(folder.Work(work), LogPrefix + stream);

    /// <summary>The logs of a piece of work that are not all at the server.</summary>
    public IEnumerable<string> LogsOf(WorkId work) => Directory.EnumerateFiles(folder.Work(work), LogPrefix + "*")
        .Select(p => Path.GetFileName(p)[LogPrefix.Length..])
        .Where(name => !name.EndsWith(".end", StringComparison.Ordinal));

    /// <summary>What an earlier process has left. Entries that were not finished are no work yet, and are removed.</summary>
    public IReadOnlyList<JournaledWork> ReadAll()
    {
        var all = new List<JournaledWork>();
        foreach (var directory in Directory.GetDirectories(folder.Works))
        {
            if (TryRead(Path.Combine(directory, EntryName), Json.JournalEntry) is not { } entry)
            {
                TreeRemoval.Remove(directory);
                continue;
            }

            var started = entry.Room ? DurableFile.ReadFilled(StartedFile(entry.Work)) : DurableFile.ReadFilledEarlier(StartedFile(entry.Work));
            all.Add(new JournaledWork(
                entry,
                started is not null,
                started is { Length: > 0 } && Encoding.UTF8.GetString(started) is var image && image != NoImage ? image : null,
                TryRead(Path.Combine(directory, ResultName), AgentContractJson.Default.ResultRequest),
                folder.Seal.OpenFile(SecretsFile(entry.Work)) is { } secrets ? JsonSerializer.Deserialize(secrets, Json.IReadOnlyListString) : null));
        }

        return all;
    }

    private string StartedFile(WorkId work) => Path.Combine(folder.Work(work), StartedName);

    private string SecretsFile(WorkId work) => Path.Combine(folder.Work(work), SecretsName);

    private static IReadOnlyList<string> SecretsOf(WorkTask task) => task switch
    {
        WorkTask.Start start => [.. start.Secrets.Values.Concat(start.Mask).Distinct(StringComparer.Ordinal)],
        WorkTask.Step { Source.Secret: { } secret } step => [.. step.Secrets.Values.Append(secret).Distinct(StringComparer.Ordinal)],
        WorkTask.Step step => [.. step.Secrets.Values.Distinct(StringComparer.Ordinal)],
        _ => [],
    };

    private static WorkKind KindOf(WorkTask task) => task switch
    {
        WorkTask.Start => WorkKind.Start,
        WorkTask.Step => WorkKind.Step,
        _ => WorkKind.Release,
    };

    private static T? TryRead<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (Exception e) when (e is JsonException or FileNotFoundException or DirectoryNotFoundException)
        {
            // Files appear whole: one that cannot be read was written by no version that this one understands.
            return null;
        }
    }
}

/// <summary>A piece of work as the journal knows it. Without secrets.</summary>
internal sealed record JournalEntry
{
    public required Guid Id { get; init; }

    public required long Fence { get; init; }

    public required WorkKind Kind { get; init; }

    /// <summary>The id of the work that made its workflow.</summary>
    public required Guid StartId { get; init; }

    [JsonIgnore]
    public WorkId Work => new(Id);

    [JsonIgnore]
    public WorkId Start => new(StartId);

    /// <summary>The run, for people.</summary>
    public required string Name { get; init; }

    public required string Workflow { get; init; }

    public string? Step { get; init; }

    public int Attempt { get; init; }

    /// <summary>The engine's group.</summary>
    public required string Group { get; init; }

    /// <summary>How many secrets it was given: whether what is missing in memory after a restart would have to be masked.</summary>
    public int Secrets { get; init; }

    /// <summary>Whether the file <c>started</c> got room with the entry, and an end when it is filled in: one that is short, or has no end, was cut off by a failure of the machine, and nothing had started.</summary>
    public bool Room { get; init; }
}

/// <summary>What an earlier process has left of a piece of work.</summary>
/// <param name="Entry">What it is.</param>
/// <param name="Started">Whether the server had stored the intent.</param>
/// <param name="Image">The image it was started with.</param>
/// <param name="Result">How it ended; null: that is not known here.</param>
/// <param name="Secrets">What has to be masked in its logs; null: it is gone with the machine's last run, or there was none.</param>
internal sealed record JournaledWork(JournalEntry Entry, bool Started, string? Image, ResultRequest? Result, IReadOnlyList<string>? Secrets);

/// <summary>The agent's own files.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JournalEntry))]
[JsonSerializable(typeof(StoredCredential))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
internal sealed partial class AgentJson : JsonSerializerContext;

/// <summary>Who the agent is, as the file <c>credential</c> holds it.</summary>
internal sealed record StoredCredential(Guid Agent, string Name, string Credential, string Server);
