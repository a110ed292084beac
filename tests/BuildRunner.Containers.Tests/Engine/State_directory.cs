using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Tests.Engine;

public sealed class State_directory
{
    [Fact]
    public async Task Below_a_folder_that_not_everybody_may_enter_is_refused_with_what_to_do()
    {
        await using var host = OciHost.Create(options => options.StateRoot = Path.Combine(Path.GetDirectoryName(options.ScratchRoot)!, "private/state"));
        Directory.CreateDirectory(host.Folder["private"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var refused = await Assert.ThrowsAsync<ContainerException>(() => host.CreateGroupAsync());
        Assert.Equal(ContainerFailure.EngineUnavailable, refused.Reason);
        Assert.Contains("Engine:StateDir", refused.Message);
        Assert.Contains("chmod o+x", refused.Message);

        for (var at = host.Folder["private"]; at != "/"; at = Path.GetDirectoryName(at)!)
        {
            if ((File.GetUnixFileMode(at) & UnixFileMode.OtherExecute) == 0)
            {
                File.SetUnixFileMode(at, File.GetUnixFileMode(at) | UnixFileMode.OtherExecute);
            }
        }

        await using var group = await host.CreateGroupAsync();
        await using var container = await group.PrepareAsync(host.Shell("exit 4"), TestContext.Current.CancellationToken);
        var output = new BuildRunner.Testing.Engine.OutputRecorder();
        Assert.Equal(new ContainerExit.Exited(4), await group.RunAsync(container, StartSpec.AsPrepared, output, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Why_a_group_could_not_be_made_is_said_also_if_what_it_left_cannot_be_removed()
    {
        await using var host = OciHost.Create(options =>
        {
            var helper = Path.Combine(Path.GetDirectoryName(options.ScratchRoot)!, "helper");
            File.WriteAllText(helper, $"#!/bin/sh\n[ \"$1\" != reap ] || {{ echo tried >> {helper}.tried; echo cannot remove it >&2; exit 1; }}\nexec {options.SandboxPath} \"$@\"\n");
            File.SetUnixFileMode(helper, (UnixFileMode)0x1ED);
            options.SandboxPath = helper;
        });
        var workspace = new WorkspaceSpec { BasePath = "/w", TreePath = "/w", SourceDirectory = host.Folder["there-is-none"], CopyOnWrite = true };
        var failed = await Assert.ThrowsAsync<ContainerException>(() => host.CreateGroupAsync(workspace));
        Assert.Contains("there-is-none", failed.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(host.Folder["helper.tried"]));
        await Assert.ThrowsAsync<ContainerException>(() => host.Engine.ReapAsync("tests", TestContext.Current.CancellationToken));
    }
}
