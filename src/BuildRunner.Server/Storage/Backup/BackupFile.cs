using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Server.Storage.Backup;

/// <summary>A backup: one tar file (compressed if its name ends with <c>.gz</c>) with a manifest, the database and the logs. Never with the master key.</summary>
internal static class BackupFile
{
    public const string ManifestName = "manifest.json";
    public const string SqliteName = "buildrunner.db";
    public const string PostgresName = "database.dump";
    public const string LogsPrefix = "logs/";
    /// <summary>What is said of files that something else wrote.</summary>
    public const string NotOurs = "it is no backup of BuildRunner";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes one, whole or not at all: beside its place until everything is on the disk.</summary>
    public static async Task WriteAsync(string path, BackupManifest manifest, string database, string databaseName, string logs, CancellationToken cancellationToken)
    {
        var beside = path + ".partial";
        try
        {
            await using (var file = PrivateFile.Anew(beside))
            {
                await using (var packed = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true) : null)
                await using (var tar = new TarWriter(packed ?? (Stream)file, TarEntryFormat.Pax, leaveOpen: true))
                {
                    using var text = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(manifest, BackupJson.Default.BackupManifest));
                    await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, ManifestName) { DataStream = text, Mode = Private }, cancellationToken);
                    await AddAsync(tar, database, databaseName, cancellationToken);
                    foreach (var log in Directory.Exists(logs) ? Directory.EnumerateFiles(logs, "*", SearchOption.AllDirectories) : [])
                    {
                        await AddAsync(tar, log, LogsPrefix + Path.GetRelativePath(logs, log), cancellationToken);
                    }
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: true);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    /// <summary>Unpacks one into an empty folder.</summary>
    /// <exception cref="InvalidDataException">It is no backup, or is damaged.</exception>
    public static async Task<BackupManifest> ReadAsync(string path, string folder, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(path);
        await using var unpacked = await IsPackedAsync(file, cancellationToken) ? new GZipStream(file, CompressionMode.Decompress) : (Stream)file;
        await using var tar = new TarReader(unpacked);
        BackupManifest? manifest = null;
        while (await tar.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
        {
            if (entry.EntryType != TarEntryType.RegularFile || !IsOurs(entry.Name))
            {
                throw new InvalidDataException($"{NotOurs}: it holds '{entry.Name}'");
            }

            if (manifest is null)
            {
                manifest = entry.Name == ManifestName && entry.DataStream is { } text ? await JsonSerializer.DeserializeAsync(text, BackupJson.Default.BackupManifest, cancellationToken) : null;
                _ = manifest ?? throw new InvalidDataException($"{NotOurs}: it does not begin with a manifest");
                continue;
            }

            var target = Path.Combine(folder, entry.Name);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            await using var into = new FileStream(target, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Private });
            await (entry.DataStream?.CopyToAsync(into, cancellationToken) ?? Task.CompletedTask);
            into.Flush(flushToDisk: true);
        }

        return manifest ?? throw new InvalidDataException($"{NotOurs}: it is empty");
    }

    // By its first bytes: files get other names.
    private static async Task<bool> IsPackedAsync(FileStream file, CancellationToken cancellationToken)
    {
        var first = new byte[2];
        var read = await file.ReadAtLeastAsync(first, first.Length, throwOnEndOfStream: false, cancellationToken);
        file.Position = 0;
        return read == first.Length && first is [0x1f, 0x8b];
    }

    // A log may grow meanwhile: as many bytes as it had when it was opened.
    private static async Task AddAsync(TarWriter tar, string path, string name, CancellationToken cancellationToken)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // Its time was over just now.
            return;
        }

        await using (file)
        {
            await using var fixedLength = new FixedLength(file, file.Length);
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = fixedLength, Mode = Private }, cancellationToken);
        }
    }

    private static bool IsOurs(string name) =>
        name is ManifestName or SqliteName or PostgresName
        || (name.StartsWith(LogsPrefix, StringComparison.Ordinal) && name.Split('/').All(part => part is not ("" or "." or "..")));

    /// <summary>The first bytes of a file, however long it becomes.</summary>
    private sealed class FixedLength(FileStream file, long length) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position
        {
            get => file.Position;
            set => file.Position = value;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer) => file.Read(buffer[..(int)Math.Min(buffer.Length, length - file.Position)]);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            file.ReadAsync(buffer[..(int)Math.Min(buffer.Length, length - file.Position)], cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>What a backup says of itself.</summary>
/// <param name="Format">1.</param>
/// <param name="Version">The version of BuildRunner that wrote it.</param>
/// <param name="Database">Which database it is of.</param>
/// <param name="Migration">The latest change of the tables in it.</param>
/// <param name="CreatedAt">When it was begun.</param>
/// <param name="KeyId">The master key that sealed its secrets; the key itself is not in it.</param>
internal sealed record BackupManifest(int Format, string Version, string Database, string Migration, DateTimeOffset CreatedAt, string KeyId);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(BackupManifest))]
internal sealed partial class BackupJson : JsonSerializerContext;
