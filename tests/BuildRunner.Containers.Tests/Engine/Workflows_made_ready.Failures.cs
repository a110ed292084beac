using System.Collections.Concurrent;
using System.Diagnostics;
using BuildRunner.Containers.Engine;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What was made ahead cannot be given to who wants it: that is nobody's failure, and another one is made.</summary>
public sealed partial class Workflows_made_ready
{
    [Fact]
    public async Task A_step_with_many_small_files_gets_a_container_of_its_own()
    {
        await using var host = Host();
        await PrimeAsync(host);
        var waiting = Assert.Single(InitsOf(host));
        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);

        // Each takes a whole page: more than there is room for, and few bytes all the same.
        var files = Enumerable.Range(0, 1500).Select(n => new InjectedFile($"file{n}", "x"u8.ToArray()));
        await using var container = await group.PrepareAsync(workflow.Step("cat /.buildrunner/file* | wc -c; echo out >/files/out") with { Files = [.. files] }, TestContext.Current.CancellationToken);
        Assert.Equal("1500\n", await RunAsync(group, container));
        Assert.Equal("out\n", await File.ReadAllTextAsync(workflow.Out, TestContext.Current.CancellationToken));
        await group.DisposeAsync();
        await host.Engine.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
    }

    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task A_container_whose_shim_cannot_give_it_its_files_is_replaced_and_the_record_is_that_of_the_new_one(string runtime)
    {
        var told = new ConcurrentQueue<bool>();
        await using var host = Host(o => o.RuntimePath = runtime, told.Enqueue);
        await PrimeAsync(host);
        await FillAsync(FilesOfTheWaiting(host));
        var waiting = Assert.Single(InitsOf(host));
        var workflow = new Workflow(host, 3);
        var record = Directory.CreateDirectory(host.Folder["record"]);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(workflow.Group.Id, GroupsOf(host));
        var step = workflow.Step("cat /.buildrunner/script; echo $NAME; echo out >/files/out") with
        {
            Files = [new InjectedFile("script", new byte[4096].Select(_ => (byte)'x').Append((byte)'\n').ToArray())],
            Record = new RecordSpec(record.FullName, long.MaxValue),
        };
        var output = await Workflow.RunAsync(group, step);
        Assert.Equal(new string('x', 4096) + "\nround 3\n", output);
        Assert.Equal("out\n", await File.ReadAllTextAsync(workflow.Out, TestContext.Current.CancellationToken));
        Assert.Contains("round 3", await File.ReadAllTextAsync(Path.Combine(record.FullName, "spool"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(record.FullName, "exit")), "how it ended is in the record");
        Assert.DoesNotContain(waiting, InitsOf(host));
        Assert.Equal([false, false, false], told);
        await group.DisposeAsync();
        await host.Engine.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        Assert.Empty(Directory.EnumerateFileSystemEntries(host.Folder["ready"]));
    }

    [Fact]
    public async Task A_record_that_cannot_be_kept_is_told_as_without_anything_made_ahead()
    {
        await using var host = Host();
        await PrimeAsync(host);
        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        var step = workflow.Step("true") with { Record = new RecordSpec(host.Folder["nowhere/record"], long.MaxValue) };
        var problem = await Assert.ThrowsAsync<ContainerException>(() => group.PrepareAsync(step, TestContext.Current.CancellationToken));
        Assert.Contains(host.Folder["nowhere/record"], problem.Message, StringComparison.Ordinal);

        // The workflow goes on.
        Assert.Equal("round 3\n", await Workflow.RunAsync(group, workflow.Step("echo $NAME")));
        await group.DisposeAsync();
        await host.Engine.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
    }

    [Theory]
    [InlineData("workspace")]
    [InlineData("files")]
    public async Task While_a_disk_lets_nothing_be_renamed_what_was_made_ahead_is_not_used(string what)
    {
        await using var host = OciHost.Create();
        using var disk = SmallDisk.Mount(host.Folder["disk"], "8m");
        host.Engine.KeepReady(host.Folder["disk/ready"]);
        await PrimeAsync(host, root: "disk");
        var workflow = new Workflow(host, 3, "disk");
        Remount(host, what == "workspace" ? "ro" : "rw");
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.Equal(what == "workspace", GroupsOf(host).Contains(workflow.Group.Id));
        Remount(host, what == "workspace" ? "rw" : "ro");
        await using var container = await group.PrepareAsync(workflow.Step("echo $NAME; cat /w/mine; echo out 2>/dev/null >/files/out || true"), TestContext.Current.CancellationToken);
        Remount(host, "rw");
        await File.WriteAllTextAsync(Path.Combine(workflow.Tree, "mine"), "seen\n", TestContext.Current.CancellationToken);
        Assert.Equal("round 3\nseen\n", await RunAsync(group, container));

        // A group that was made while nothing could be written there goes on so.
        Assert.Equal(what == "workspace" ? "" : "out\n", await File.ReadAllTextAsync(workflow.Out, TestContext.Current.CancellationToken));
        await group.DisposeAsync();
        await host.Engine.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        Assert.Empty(Directory.EnumerateFileSystemEntries(host.Folder["disk/ready"]));
    }

    [Fact]
    public async Task A_full_disk_is_no_reason_that_a_workflow_does_not_begin_and_with_space_again_one_is_made()
    {
        await using var host = OciHost.Create();
        using var disk = SmallDisk.Mount(host.Folder["disk"], "8m,nr_inodes=200");
        host.Engine.KeepReady(host.Folder["disk/ready"]);
        await PrimeAsync(host, root: "disk");
        var workflows = Enumerable.Range(3, 4).Select(round => new Workflow(host, round, "disk")).ToList();
        disk.Fill();
        var files = TakeAllFiles(host.Folder["disk/work"]);
        foreach (var (round, workflow) in workflows.Index())
        {
            // The first one gets what was there already, and until there is space none is made for the next.
            await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
            Assert.Equal((round, round is 0 or 3), (round, GroupsOf(host).Any(g => g.StartsWith("ready-", StringComparison.Ordinal))));
            Assert.Equal($"round {round + 3}\n", await Workflow.RunAsync(group, workflow.Step("echo $NAME; echo out 2>/dev/null >/files/out || true")));
            Assert.Equal(round == 3 ? "out\n" : "", await File.ReadAllTextAsync(workflow.Out, TestContext.Current.CancellationToken));
            if (round == 0)
            {
                // The workspace and the file that were there before are gone.
                files.AddRange(TakeAllFiles(host.Folder["disk/work/3"]));
            }
            else if (round == 2)
            {
                disk.Free();
                files.ForEach(File.Delete);
            }

            await group.DisposeAsync();
            await ReadyAsync(host, round >= 2);
        }

        await host.Engine.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        Assert.Empty(Directory.EnumerateFileSystemEntries(host.Folder["disk/ready"]));
    }

    [Fact]
    public async Task What_a_step_writes_is_found_also_where_its_file_lies_on_another_file_system()
    {
        await using var host = Host();
        using var disk = SmallDisk.Mount(host.Folder["disk"], "1m");
        await PrimeAsync(host);
        var workflow = new Workflow(host, 3);
        var elsewhere = host.Folder["disk/out"];
        await File.WriteAllTextAsync(elsewhere, "", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(elsewhere, (UnixFileMode)0b110_110_110);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(workflow.Group.Id, GroupsOf(host));
        var step = workflow.Step("echo out >/files/out");
        await Workflow.RunAsync(group, step with { HostMounts = [step.HostMounts[0] with { Source = elsewhere }] });
        Assert.Equal("out\n", await File.ReadAllTextAsync(elsewhere, TestContext.Current.CancellationToken));
    }

    // As the container's shim sees it: nobody else does.
    private static string FilesOfTheWaiting(OciHost host)
    {
        var group = Assert.Single(host.Auditor.Ready);
        return Assert.Single(PidsOf(host, "shim")
            .Select(pid => $"/proc/{pid}/root{host.Options.StateRoot}/groups/{group}")
            .Where(Directory.Exists)
            .SelectMany(directory => Directory.EnumerateDirectories(directory, "private", SearchOption.AllDirectories))
            .Select(directory => directory + "/files")
            .Where(Directory.Exists)
            .Distinct());
    }

    private static async Task FillAsync(string directory)
    {
        await using var file = File.Create(directory + "/../filler");
        var block = new byte[4096];
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            while (true)
            {
                await file.WriteAsync(block, TestContext.Current.CancellationToken);
                await file.FlushAsync(TestContext.Current.CancellationToken);
            }
        });
    }

    // All the files that a disk can have.
    private static List<string> TakeAllFiles(string directory)
    {
        var taken = new List<string>();
        try
        {
            while (true)
            {
                var path = Path.Combine(directory, $"taken-{taken.Count}");
                using (File.Create(path))
                {
                }

                taken.Add(path);
            }
        }
        catch (IOException)
        {
            return taken;
        }
    }

    private static void Remount(OciHost host, string how)
    {
        using var mount = Process.Start("mount", ["-o", "remount," + how, host.Folder["disk"]]);
        mount.WaitForExit();
        Assert.Equal(0, mount.ExitCode);
    }
}
