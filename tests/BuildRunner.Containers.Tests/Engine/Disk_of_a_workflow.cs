using System.Globalization;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What the containers of a workflow write together has a limit, which is set aside for them, and which nobody gets over.</summary>
public sealed class Disk_of_a_workflow
{
    private const long Limit = 64L << 20;

    private static readonly ResourceLimits Limited = new(DiskBytes: Limit);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(300)]
    public async Task A_step_that_writes_more_fails_and_the_limit_is_named_and_the_next_step_has_it_all_again(int mebibytes)
    {
        await using var host = OciHost.Create();
        var limit = (long)mebibytes << 20;
        await using (var group = await host.CreateGroupAsync(limits: new ResourceLimits(DiskBytes: limit)))
        {
            var (exit, output) = await RunAsync(host, group, "dd if=/dev/zero of=/large bs=65536; status=$?; stat -c %s /large; exit $status");
            Assert.Equal(new ContainerExit.Exited(1) { DiskLimitBytes = limit }, exit);
            Assert.Contains("No space left on device", output.Error, StringComparison.Ordinal);
            var written = long.Parse(output.Out, CultureInfo.InvariantCulture);
            Assert.InRange(written, limit - (limit / 100), limit + (limit / 20));

            // What the container wrote is removed behind its end.
            var (again, said) = await RunAsync(
                host, group, $"i=0; until head -c {limit * 3 / 4} /dev/zero > /large 2>/dev/null; do i=$((i + 1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done; rm /large");
            Assert.True(again is ContainerExit.Exited(0), $"{again}: {said.Error}");
        }

        Assert.Empty(await host.FindLeftOversAsync());
    }

    [Fact]
    public async Task Workspace_services_and_steps_share_it_and_a_failure_of_any_other_kind_is_not_blamed_on_it()
    {
        await using var host = OciHost.Create();
        var tree = Directory.CreateDirectory(host.Folder["tree"]).FullName;
        await using (var group = await host.CreateGroupAsync(new WorkspaceSpec { BasePath = "/w", TreePath = "/w/tree", SourceDirectory = tree, CopyOnWrite = false, BeginsEmpty = true }, Limited))
        {
            Assert.Equal(new ContainerExit.Exited(3), (await RunAsync(host, group, "head -c 20000000 /dev/zero > of-a-step; exit 3")).Exit);
            var filled = new OutputRecorder();
            await using var service = await group.StartServiceAsync(host.Shell("head -c 20000000 /dev/zero > /of-a-service; echo filled; sleep 600", "service"), filled, Cancellation);
            await filled.Contains("filled\n");

            var (exit, output) = await RunAsync(host, group, "stat -c %s of-a-step; head -c 20000000 /dev/zero > /w/beside; head -c 20000000 /dev/zero > /of-this-step");
            Assert.Equal(new ContainerExit.Exited(1) { DiskLimitBytes = Limit }, exit);
            Assert.Equal("20000000\n", output.Out);
            Assert.Equal(20_000_000, new FileInfo(Path.Combine((await group.OpenWorkspaceAsync(Cancellation))!, "of-a-step")).Length);
            Assert.Empty(Directory.EnumerateFileSystemEntries(tree));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(tree));
        Assert.Empty(await host.FindLeftOversAsync());
    }

    [Fact]
    public async Task A_view_of_a_tree_counts_and_what_is_kept_of_a_container_is_moved_off_it()
    {
        await using var host = OciHost.Create();
        var view = new WorkspaceSpec { BasePath = "/w", TreePath = "/w", SourceDirectory = Directory.CreateDirectory(host.Folder["tree"]).FullName, CopyOnWrite = true };
        File.WriteAllText(host.Folder["tree/gone"], "");
        KeptContainer kept;
        await using (var group = await host.CreateGroupAsync(view, Limited))
        {
            await using var container = await group.PrepareAsync(
                host.Shell("echo of-step > /etc/of-step; rm -r /home/builder; rm gone; ln -s made link; head -c 90000000 /dev/zero > made") with { MayBeKept = true }, Cancellation);
            Assert.Equal(new ContainerExit.Exited(1) { DiskLimitBytes = Limit }, await group.RunAsync(container, StartSpec.AsPrepared, new OutputRecorder(), Cancellation));
            kept = (await container.KeepAsync(new KeepRequest("run", "workflow", "step", 1, "exit 1", DateTimeOffset.UnixEpoch), Cancellation))!;
        }

        await using (var later = await host.CreateGroupAsync(view with { ChangesOf = kept }))
        {
            await using var container = await later.PrepareAsync(host.Shell("cat /etc/of-step; ls -d /home/builder gone made link; stat -c %u /etc/of-step link") with { From = kept }, Cancellation);
            var output = new OutputRecorder();
            await later.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
            Assert.Equal("of-step\nlink\nmade\n0\n0\n", output.Out);
        }

        await host.Engine.Kept!.RemoveAsync(_ => true, Cancellation);
        Assert.Empty(await host.FindLeftOversAsync());
    }

    [Fact]
    public async Task A_workflow_whose_limit_is_not_free_does_not_begin_and_takes_nothing_from_others()
    {
        await using var host = OciHost.Create();
        var free = new DriveInfo(host.Folder.Path).AvailableFreeSpace;
        var failure = await Assert.ThrowsAsync<ContainerException>(() => host.CreateGroupAsync(limits: new ResourceLimits(DiskBytes: free * 2)));
        Assert.Equal(ContainerFailure.ResourceExhausted, failure.Reason);
        Assert.Matches(@"The disk limit of [0-9]+ MiB is set aside when the workflow begins, and only [0-9]+ MiB are free in .*scratch/.*Engine:ScratchDir", failure.Message);

        failure = await Assert.ThrowsAsync<ContainerException>(() => host.CreateGroupAsync(limits: new ResourceLimits(DiskBytes: 1 << 20)));
        Assert.Equal((ContainerFailure.InvalidSpec, "A disk limit of 1048576 bytes is too small for a file system; give at least 16 MiB."), (failure.Reason, failure.Message));

        Assert.Empty(await host.FindLeftOversAsync());
    }

    private static async Task<(ContainerExit Exit, OutputRecorder Output)> RunAsync(OciHost host, IContainerGroup group, string script)
    {
        var output = new OutputRecorder();
        await using var container = await group.PrepareAsync(host.Shell(script), Cancellation);
        return (await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation), output);
    }
}
