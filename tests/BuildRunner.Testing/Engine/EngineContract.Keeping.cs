using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    [Fact]
    public async Task A_kept_container_is_there_in_another_group_with_everything_that_it_and_its_workflow_changed()
    {
        await using var host = CreateHost();
        KeptContainer kept;
        await using (var group = await CreateGroupAsync(host, View(host)))
        {
            kept = await KeepAsync(host, group, "echo of-step > /etc/of-step; rm -r /home/builder; echo of-tree > made; rm gone; rm -r directory; exit 3");
        }

        Assert.Equal("kept\n", await File.ReadAllTextAsync(host.Folder["tree/kept"], Cancellation));
        var look = "cat /etc/of-step made kept; ls -d /home/builder gone directory 2>/dev/null; touch /etc/new new; stat -c %u /etc/of-step made";
        await using (var later = await CreateGroupAsync(host, View(host) with { ChangesOf = kept }))
        {
            Assert.Equal("of-step\nof-tree\nkept\n0\n0\n", (await RunAsync(later, Shell(host, look) with { From = kept })).Out);
            Assert.Equal("of-step", (await RunAsync(later, Shell(host, "cat /etc/of-step; ls /etc/new 2>/dev/null; true") with { From = kept })).Text);
        }

        await RemoveKeptAsync(host);
    }

    [Fact]
    public async Task A_container_that_may_be_kept_and_is_not_leaves_nothing()
    {
        await using var host = CreateHost();
        await using (var group = await CreateGroupAsync(host, View(host)))
        {
            await using var container = await group.PrepareAsync(Shell(host, "exit 3") with { MayBeKept = true }, Cancellation);
            Assert.Equal(new ContainerExit.Exited(3), await group.RunAsync(container, StartSpec.AsPrepared, new OutputRecorder(), Cancellation));
        }

        Assert.DoesNotContain(host.Engine.Kept!.List(), k => k.Tree == host.Folder["tree"]);
    }

    [Fact]
    public async Task A_kept_container_can_be_looked_into_while_its_group_lives()
    {
        await using var host = CreateHost();
        await using (var group = await CreateGroupAsync(host, View(host)))
        {
            var kept = await KeepAsync(host, group, "echo of-step > /etc/of-step; echo of-tree > made; exit 3");
            Assert.Equal("of-step\nof-tree", (await RunAsync(group, Shell(host, "cat /etc/of-step made") with { From = kept })).Text);
        }

        await RemoveKeptAsync(host);
    }

    [Fact]
    public async Task What_is_kept_is_found_by_its_record_and_stays_while_somebody_uses_it()
    {
        await using var host = CreateHost();
        KeptContainer kept;
        await using (var group = await CreateGroupAsync(host, View(host)))
        {
            kept = await KeepAsync(host, group, "exit 3");
            await host.Engine.ReapAsync("tests", Cancellation);
        }

        await host.Engine.ReapAsync("tests", Cancellation);
        var all = host.Engine.Kept!;
        Assert.Equal(kept, Assert.Single(all.List()));
        Assert.Equal(kept, all.Find(kept.Id[..5]));
        Assert.Equal((host.Engine.Name, "step", "exit 3", host.Folder["tree"]), (kept.Engine, kept.Step, kept.Outcome, kept.Tree));
        using (all.Use(kept))
        {
            Assert.Equal(0, await all.RemoveAsync(_ => true, Cancellation));
        }

        Assert.Equal(0, await all.RemoveAsync(k => k.Step != "step", Cancellation));
        Assert.Equal(1, await all.RemoveAsync(_ => true, Cancellation));
        Assert.Empty(all.List());
        Assert.Throws<ContainerException>(() => all.Use(kept));
    }

    /// <summary>Runs a script that fails with 3, and keeps its container.</summary>
    private static async Task<KeptContainer> KeepAsync(IEngineHost host, IContainerGroup group, string script)
    {
        await using var container = await group.PrepareAsync(Shell(host, script) with { MayBeKept = true }, Cancellation);
        var output = new OutputRecorder();
        var exit = await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
        Assert.True(exit == new ContainerExit.Exited(3), $"{exit}: {output.Error}");
        var request = new KeepRequest("run", "workflow", "step", 1, "exit 3", new DateTimeOffset(2027, 3, 1, 10, 0, 0, TimeSpan.Zero));
        return await container.KeepAsync(request, Cancellation) ?? throw new InvalidOperationException("it was not kept");
    }

    private static async Task RemoveKeptAsync(IEngineHost host)
    {
        await host.Engine.Kept!.RemoveAsync(_ => true, Cancellation);
        Assert.Empty(host.Engine.Kept!.List());
    }
}
