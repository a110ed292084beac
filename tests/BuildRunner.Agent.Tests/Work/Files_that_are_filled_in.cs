using System.Text;
using BuildRunner.Agent.Work;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Work;

public sealed class Files_that_are_filled_in
{
    [Fact]
    public async Task Room_says_nothing_until_it_is_filled_in()
    {
        using var folder = TestFolder.Create();
        var path = folder["started"];
        Assert.Null(DurableFile.ReadFilled(path));
        await DurableFile.MakeRoomAsync(path);
        Assert.Null(DurableFile.ReadFilled(path));
        var room = new FileInfo(path).Length;
        DurableFile.Fill(path, "docker.io/library/busybox"u8);
        Assert.Equal("docker.io/library/busybox"u8.ToArray(), DurableFile.ReadFilled(path));
        Assert.Equal(room, new FileInfo(path).Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public async Task What_is_longer_than_the_room_is_cut()
    {
        using var folder = TestFolder.Create();
        var path = folder["started"];
        await DurableFile.MakeRoomAsync(path);
        var room = (int)new FileInfo(path).Length;
        DurableFile.Fill(path, Encoding.UTF8.GetBytes(new string('i', room + 1)));
        Assert.Equal(room - 1, DurableFile.ReadFilled(path)!.Length);
        Assert.Equal(room, new FileInfo(path).Length);
    }

    [Theory]
    [InlineData("docker.io/library/busybox")]
    [InlineData("")]
    public void A_file_without_room_of_an_earlier_version_is_filled_in_whatever_it_holds(string content)
    {
        using var folder = TestFolder.Create();
        File.WriteAllText(folder["started"], content);
        Assert.Equal(Encoding.UTF8.GetBytes(content), DurableFile.ReadFilledEarlier(folder["started"]));
        Assert.Null(DurableFile.ReadFilled(folder["started"]));
    }

    [Fact]
    public void Nothing_is_filled_in_where_no_room_was_made()
    {
        using var folder = TestFolder.Create();
        Assert.Throws<FileNotFoundException>(() => DurableFile.Fill(folder["started"], "busybox"u8));
        Assert.Null(DurableFile.ReadFilled(folder["started"]));
    }

    [Fact]
    public async Task A_file_is_seen_at_once_and_is_on_the_disk_when_its_task_has_ended()
    {
        using var folder = TestFolder.Create();
        var onDisk = DurableFile.WriteAsync(folder["entry"], "{}"u8);
        Assert.Equal("{}", File.ReadAllText(folder["entry"]));
        await onDisk;
        Assert.Equal([folder["entry"]], Directory.GetFiles(folder.Path));
    }
}
