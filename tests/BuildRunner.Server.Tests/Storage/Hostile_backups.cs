using System.Formats.Tar;
using System.Text;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage.Backup;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Storage;

/// <summary>A backup that somebody else made: it is refused with a sentence, and nothing of it stays.</summary>
public sealed class Hostile_backups
{
    private const string Manifest = """{"format":1,"version":"0.1.0","database":"SQLite","migration":"x","createdAt":"2027-01-01T00:00:00Z","keyId":"00"}""";

    [Theory]
    [InlineData("manifest.json", "{", null)]
    [InlineData("manifest.json", "[1]", null)]
    [InlineData("manifest.json", Manifest, "../escaped")]
    [InlineData("manifest.json", Manifest, "logs/../../escaped")]
    [InlineData("manifest.json", Manifest, "/tmp/escaped")]
    [InlineData("manifest.json", Manifest, "logs/a\0b")]
    [InlineData("other.json", Manifest, null)]
    public async Task Is_refused_with_a_sentence_and_leaves_nothing_anywhere(string first, string content, string? second)
    {
        using var folder = TestFolder.Create();
        await using (var tar = new TarWriter(File.Create(folder["backup.tar"])))
        {
            await WriteAsync(tar, first, content);
            if (second is not null)
            {
                await WriteAsync(tar, second, "x");
            }
        }

        var options = new ServerOptions { DataDirectory = folder["data"], Keys = new KeyRing(MasterKey.Generate(), []) };
        var refused = await Assert.ThrowsAsync<BackupException>(() => ServerDesk.RestoreAsync(options, folder["backup.tar"], TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Contains("backup.tar", refused.Message, StringComparison.Ordinal);
        Assert.Equal([folder["backup.tar"]], Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories));
    }

    private static Task WriteAsync(TarWriter tar, string name, string content) =>
        tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) }, TestContext.Current.CancellationToken);
}
