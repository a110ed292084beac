using BuildRunner.Cli.Running;
using BuildRunner.Cli.Trees;
using BuildRunner.Core.Planning;
using BuildRunner.Testing;

namespace BuildRunner.Cli.Tests.Trees;

public sealed class Changes_of_a_tree : IDisposable
{
    private readonly DateTimeOffset began = DateTimeOffset.FromUnixTimeSeconds(1_000_000_000);
    private readonly TestFolder before = TestFolder.Create();
    private readonly TestFolder after = TestFolder.Create();
    private readonly TestFolder destination = TestFolder.Create();

    public void Dispose()
    {
        before.Dispose();
        after.Dispose();
        destination.Dispose();
    }

    [Fact]
    public void What_was_added_changed_and_deleted_is_found()
    {
        Both("same.txt", "same");
        Write(before, "changed.txt", "old");
        Write(after, "changed.txt", "new");
        Write(before, "gone/deep/file.txt", "x");
        Write(after, "new/deep/file.txt", "y");
        Directory.CreateDirectory(after["empty"]);
        var changes = TreeChanges.Between(before.Path, after.Path, began);
        Assert.Equal(["empty", "new/deep/file.txt"], changes.Added);
        Assert.Equal(["changed.txt"], changes.Changed);
        Assert.Equal(["gone"], changes.Deleted);
    }

    [Fact]
    public void A_file_that_is_equal_in_size_and_time_is_read_unless_it_is_older_than_the_run()
    {
        Both("young.txt", "same");
        File.WriteAllText(after["young.txt"], "diff");
        File.SetLastWriteTimeUtc(after["young.txt"], File.GetLastWriteTimeUtc(before["young.txt"]));
        Assert.Equal(["young.txt"], TreeChanges.Between(before.Path, after.Path, began).Changed);
        Assert.Empty(TreeChanges.Between(before.Path, after.Path, DateTimeOffset.MaxValue).Changed);
    }

    [Fact]
    public void Rights_count_and_times_alone_do_not()
    {
        Both("touched.txt", "same");
        File.SetLastWriteTimeUtc(after["touched.txt"], DateTime.UnixEpoch);
        Both("run.sh", "same");
        File.SetUnixFileMode(after["run.sh"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.Equal(["run.sh"], TreeChanges.Between(before.Path, after.Path, began).Changed);
    }

    [Fact]
    public void Links_are_compared_and_copied_as_links()
    {
        Directory.CreateSymbolicLink(after["to-root"], "/");
        File.CreateSymbolicLink(after["passwd"], "/etc/passwd");
        File.CreateSymbolicLink(before["link"], "a");
        File.CreateSymbolicLink(after["link"], "b");
        TreeExport.Copy(before.Path, after.Path, destination.Path, began);
        Assert.Equal(["link", "passwd", "to-root"], Directory.EnumerateFileSystemEntries(destination.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("/etc/passwd", new FileInfo(destination["passwd"]).LinkTarget);
        Assert.Equal("/", new FileInfo(destination["to-root"]).LinkTarget);
    }

    [Fact]
    public void A_link_in_the_destination_is_replaced_and_not_written_through()
    {
        using var victim = TestFolder.Create();
        Write(victim, "file", "untouched");
        File.CreateSymbolicLink(destination["out.txt"], victim["file"]);
        Write(after, "out.txt", "written");
        TreeExport.Copy(before.Path, after.Path, destination.Path, began);
        Assert.Equal("untouched", File.ReadAllText(victim["file"]));
        Assert.Equal("written", File.ReadAllText(destination["out.txt"]));
    }

    [Fact]
    public async Task Pipes_are_left_out_and_do_not_stop_the_copy()
    {
        using var make = System.Diagnostics.Process.Start("mkfifo", [after["pipe"]]);
        await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        Write(after, "z.txt", "z");
        Assert.Equal($"1 added, 0 changed, 1 pipe or socket left out: {destination.Path}", TreeExport.Copy(before.Path, after.Path, destination.Path, began));
    }

    [Fact]
    public void What_is_gone_is_listed_in_a_file()
    {
        Write(before, "a.txt", "a");
        Write(before, "dir/b.txt", "b");
        Assert.Equal($"0 added, 0 changed, 2 deleted (listed in .buildrunner.deleted): {destination.Path}", TreeExport.Copy(before.Path, after.Path, destination.Path, began));
        Assert.Equal("a.txt\ndir\n", File.ReadAllText(destination[".buildrunner.deleted"]));
    }

    [Fact]
    public void Setuid_does_not_come_along()
    {
        Write(after, "su", "x");
        File.SetUnixFileMode(after["su"], UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.SetUser);
        TreeExport.Copy(before.Path, after.Path, destination.Path, began);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(destination["su"]));
    }

    [Fact]
    public async Task A_destination_that_cannot_be_is_explained_and_counts_as_a_failure()
    {
        Write(after, "new.txt", "x");
        Write(destination, "file", "");
        var plan = Planner.Plan([new PipelineSource("ci.yml", "steps:\n  - { name: a, image: alpine, commands: [x] }\n"u8.ToArray())], new RunEvent { Kind = "push", Repository = "acme/shop" }).Plan!;
        foreach (var (path, why) in new[] { (destination["file"], "it is a file, not a folder"), (destination["file/below"], $"{destination["file"]} is a file, not a folder") })
        {
            var copies = new TreeCopies(plan, before.Path, path, began);
            await copies.CopyAsync(plan.Workflows[0], after.Path);
            Assert.Equal([$"the changes could not be copied to {path}: {why}"], copies.Lines);
            Assert.True(copies.HasFailed);
        }
    }

    private void Both(string name, string content)
    {
        Write(before, name, content);
        Write(after, name, content);
        File.SetLastWriteTimeUtc(after[name], File.GetLastWriteTimeUtc(before[name]));
    }

    private static void Write(TestFolder folder, string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        File.WriteAllText(folder[name], content);
    }
}
