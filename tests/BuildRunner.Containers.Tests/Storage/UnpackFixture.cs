using System.Diagnostics;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Storage.Tar;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>A folder beside which nothing may change, and an archive unpacked into it.</summary>
internal sealed class UnpackFixture : IDisposable
{
    private readonly TestFolder _folder = TestFolder.Create();

    public UnpackFixture()
    {
        Requires.Root();
        Directory.CreateDirectory(Tree);
        Directory.CreateDirectory(_folder["outside"]);
        File.WriteAllText(_folder["outside/file"], "untouched");
    }

    public string Tree => _folder["tree"];

    /// <summary>What stands beside the tree; fails the test if anything there has changed.</summary>
    public void AssertOutsideIsUntouched()
    {
        Assert.Equal([_folder["outside"], Tree], Directory.EnumerateFileSystemEntries(_folder.Path).Order(StringComparer.Ordinal));
        Assert.Equal([_folder["outside/file"]], Directory.EnumerateFileSystemEntries(_folder["outside"]));
        Assert.Equal("untouched", File.ReadAllText(_folder["outside/file"]));
    }

    public UnpackedLayer Unpack(Action<TestArchive> write, ImageLimits? limits = null)
    {
        using var archive = new TestArchive();
        write(archive);
        return Unpack(archive.ToBytes(), limits);
    }

    public UnpackedLayer Unpack(byte[] packed, ImageLimits? limits = null)
    {
        using var stream = new MemoryStream(packed);
        return LayerUnpacker.Unpack(stream, packed.Length, Tree, limits ?? new ImageLimits(), TestContext.Current.CancellationToken);
    }

    /// <summary>Unpacks what must be refused; returns why.</summary>
    public string Refuses(Action<TestArchive> write, ImageLimits? limits = null)
    {
        var message = Assert.Throws<TarFormatException>(() => Unpack(write, limits)).Message;
        AssertOutsideIsUntouched();
        return message;
    }

    /// <summary>What a program prints, without the last line's end.</summary>
    public static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {errors.Result}");
        return output.TrimEnd('\n');
    }

    public void Dispose() => _folder.Dispose();
}
