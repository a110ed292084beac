using BuildRunner.Core.Files;
using BuildRunner.Testing;

namespace BuildRunner.Core.Tests.Files;

/// <summary>What whoever named a place is told, of what really goes wrong there, and of what a test cannot bring about as root.</summary>
public sealed class PathTroubleTests : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    public PathTroubleTests()
    {
        File.WriteAllText(folder["file"], "");
        Directory.CreateDirectory(folder["there"]);
    }

    [Theory]
    [InlineData("no/such/x.tar", "there is no folder HERE/no")]
    [InlineData("file/x.tar", "HERE/file is a file, not a folder")]
    [InlineData("file/a/b/x.tar", "HERE/file is a file, not a folder")]
    [InlineData("there", "it is a folder, not a file")]
    public void A_file_is_not_written(string name, string said)
    {
        var path = folder[name];
        Assert.Equal(said.Replace("HERE", folder.Path, StringComparison.Ordinal), PathTrouble.OfFile(path, Thrown(() => File.WriteAllText(path, ""))));
    }

    [Fact]
    public void A_file_whose_folder_cannot_be_made_is_not_written() =>
        Assert.Equal($"{folder["file"]} is a file, not a folder", PathTrouble.OfFile(folder["file/x.xml"], Thrown(() => Directory.CreateDirectory(folder["file"]))));

    [Theory]
    [InlineData("file", "it is a file, not a folder")]
    [InlineData("file/a/b", "HERE/file is a file, not a folder")]
    public void A_folder_is_not_made(string name, string said)
    {
        var path = folder[name];
        Assert.Equal(said.Replace("HERE", folder.Path, StringComparison.Ordinal), PathTrouble.OfFolder(path, Thrown(() => Directory.CreateDirectory(path))));
    }

    [Fact]
    public void Where_the_user_may_not_write_the_nearest_folder_that_there_is_is_named()
    {
        var denied = new UnauthorizedAccessException($"Access to the path '{folder["there/a/b.partial"]}' is denied.");
        Assert.Equal($"this user may not write to {folder["there"]}", PathTrouble.OfFile(folder["there/a/b"], denied));
        Assert.Equal($"this user may not write to {folder["there"]}", PathTrouble.OfFolder(folder["there/a"], denied));
        Assert.Equal($"this user may not write to {folder["there"]}", PathTrouble.OfFolder(folder["there/a/b/c"], new UnauthorizedAccessException($"Access to the path '{folder["there/a"]}' is denied.")));
    }

    [Fact]
    public void What_lies_elsewhere_is_named_itself() =>
        Assert.Equal("this user may not use /var/secret", PathTrouble.OfFile(folder["x.tar"], new UnauthorizedAccessException("Access to the path '/var/secret' is denied.")));

    [Theory]
    [InlineData(30, "HERE/there can only be read: its file system is mounted so")]
    [InlineData(28, "there is no room left on the disk")]
    [InlineData(122, "this user may take no more room on the disk")]
    [InlineData(40, "its links lead in a circle")]
    [InlineData(17, "something of that name is there already")]
    [InlineData(5, "the disk reports an error")]
    [InlineData(71, "odd, on two lines")]
    public void What_the_kernel_says_becomes_a_clause(int number, string said)
    {
        var path = folder["there/x.tar"];
        Assert.Equal(said.Replace("HERE", folder.Path, StringComparison.Ordinal), PathTrouble.OfFile(path, new IOException("odd,\non two lines.", number)));
    }

    [Fact]
    public void A_name_that_is_too_long_is_said_to_be() =>
        Assert.Equal("its name is too long", PathTrouble.OfFile(folder[new string('x', 300)], Thrown(() => File.WriteAllText(folder[new string('x', 300)], ""))));

    public void Dispose() => folder.Dispose();

    private static Exception Thrown(Action write) => Record.Exception(write) ?? throw new InvalidOperationException("it could be written");
}
