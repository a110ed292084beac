using BuildRunner.Server.Secrets;

namespace BuildRunner.Server.Tests.Secrets;

public sealed class MasterKeyTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("buildrunner-key-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")]
    [InlineData("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")]
    [InlineData(" AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")]
    public void A_key_is_read_in_each_of_its_forms(string text)
    {
        Assert.True(MasterKey.TryParse(text, out var key, out _));
        Assert.Equal("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", key.Export());
        Assert.Matches("^[0-9a-f]{16}$", key.Id);
        Assert.DoesNotContain("AAEC", key.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("AAEC")]
    [InlineData("my password")]
    [InlineData("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eXX")]
    public void What_is_no_key_is_refused_with_what_to_do(string? text)
    {
        Assert.False(MasterKey.TryParse(text, out _, out var problem));
        Assert.Contains("base64", problem);
    }

    [Fact]
    public void A_new_key_file_is_for_its_owner_only_and_stays()
    {
        var path = Path.Combine(folder, "below", "master.key");
        var key = MasterKeyFile.ReadOrCreate(path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(key.Id, MasterKeyFile.ReadOrCreate(path).Id);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_key_file_that_others_may_read_is_refused_with_the_command_that_helps()
    {
        var path = Path.Combine(folder, "master.key");
        MasterKeyFile.ReadOrCreate(path);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var refused = Assert.Throws<SecretException>(() => MasterKeyFile.ReadOrCreate(path));
        Assert.Contains($"chmod 600 {path}", refused.Message);
    }

    [Fact]
    public async Task Servers_that_start_together_get_one_key()
    {
        var path = Path.Combine(folder, "master.key");
        var keys = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => MasterKeyFile.ReadOrCreate(path).Id)));
        Assert.Single(keys.Distinct());
        Assert.Single(Directory.GetFiles(folder));
    }
}
