namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>Images whose links lead out of them: nothing is written on the host, and nothing of it is read.</summary>
public sealed class Hostile_images
{
    [Theory]
    [InlineData("proc")]
    [InlineData("dev")]
    [InlineData("sys")]
    [InlineData("tmp")]
    [InlineData("etc")]
    [InlineData("etc/passwd")]
    [InlineData("etc/group")]
    [InlineData("etc/hosts")]
    [InlineData("etc/resolv.conf")]
    [InlineData("etc/hostname")]
    [InlineData(".buildrunner")]
    [InlineData(".buildrunner.output")]
    [InlineData("woodpecker")]
    [InlineData("root")]
    public async Task A_link_of_an_image_leads_nowhere_outside_of_it(string path)
    {
        using var host = new Sandboxed();
        using var outside = new Tree(("passwd", "root:x:77:77::/outside:/bin/sh\n"), ("hosts", "untouched\n"));
        File.SetUnixFileMode(outside.Path, (UnixFileMode)0b111_111_111);
        using var image = NewImage();
        var link = image[path];
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        var target = path.StartsWith("etc/", StringComparison.Ordinal) ? outside[Path.GetFileName(path)] : outside.Path;
        File.CreateSymbolicLink(link, "/../../../../../../.." + target);

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step(
            "one",
            "set +e; echo pwned > /etc/hosts; echo pwned > /.buildrunner.output; echo pwned > /tmp/pwned; echo made > made; id -u; [ -c /dev/null ] && cat /proc/self/uid_map && ls /sys/class > /dev/null; exit 0",
            $"rootfs:{image.Path}",
            "    environment: {HOME: /}")));

        Assert.True(run.Code == 0, run.All);
        Assert.DoesNotContain("│ 77", run.Error);
        Assert.Equal(["hosts", "passwd"], Directory.GetFileSystemEntries(outside.Path).Select(e => Path.GetFileName(e)).Order());
        Assert.Equal("untouched\n", File.ReadAllText(outside["hosts"]));
    }

    [Fact]
    public async Task A_step_cannot_make_the_workspace_of_the_next_one_appear_elsewhere()
    {
        using var host = new Sandboxed();
        const string swap = """
            set +e
            mv /woodpecker/src /woodpecker/away 2>/dev/null && mkdir -p /woodpecker/fake/deep && ln -s /usr/bin /woodpecker/fake/deep/tree && ln -s fake /woodpecker/src && echo SWAPPED
            rmdir /woodpecker/src/deep 2>/dev/null && echo SWAPPED
            mv /woodpecker/src/deep /woodpecker/src/away 2>/dev/null && echo SWAPPED
            chmod 777 /woodpecker 2>/dev/null && echo CHANGED
            echo shared > /woodpecker/file; echo shared > /woodpecker/src/file
            """;

        var run = await host.RunAsync("workspace: {base: /woodpecker, path: src/deep/tree}\n" + Sandboxed.Pipeline(
            Sandboxed.Step("one", Sandboxed.Reveal + "\n" + swap),
            Sandboxed.Step("two", "pwd -P; cat /woodpecker/file /woodpecker/src/file; ls ci.yml", more: "    backend_options: {docker: {user: '1234'}}")));

        Assert.True(run.Code == 0, run.All);
        Assert.DoesNotMatch("│ (SWAPPED|CHANGED)", run.Error);
        Assert.Contains("two │ /woodpecker/src/deep/tree\ntwo │ shared\ntwo │ shared\ntwo │ ci.yml\n", run.Error);
        await host.NothingIsLeftAsync();
    }

    private static Tree NewImage()
    {
        var image = new Tree();
        Directory.CreateDirectory(image["bin"]);
        File.Copy(Testing.Requires.Find("busybox")!, image["bin/busybox"]);
        foreach (var applet in (string[])["sh", "cat", "id", "ls", "echo", "printf"])
        {
            File.CreateSymbolicLink(image["bin/" + applet], "busybox");
        }

        return image;
    }
}
