using System.Runtime.InteropServices;
using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What another container of the workflow does to the workspace while a container is made that has it too, from an image whose links lead there.</summary>
public sealed partial class Neighbours_in_a_workspace
{
    private const int Launches = 8;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The init puts the filter of system calls in force: whoever runs in its place runs without one.</summary>
    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task Put_nothing_in_the_place_of_the_init(string runtime)
    {
        await using var host = OciHost.Create(o => o.RuntimePath = runtime);
        var tree = host.Folder["tree"];
        foreach (var name in (string[])["good", "evil"])
        {
            Directory.CreateDirectory($"{tree}/{name}");
            File.CreateSymbolicLink($"{tree}/to-{name}", name);
        }

        await File.WriteAllTextAsync($"{tree}/evil/buildrunner-init", "#!/bin/sh\ngrep Seccomp: /proc/self/status >> /woodpecker/src/ran\n", Cancellation);
        File.SetUnixFileMode($"{tree}/evil/buildrunner-init", (UnixFileMode)0x1ED);
        File.CreateSymbolicLink(host.Folder["image/.buildrunner"], "/woodpecker/src/to-good");
        using var ended = new CancellationTokenSource();
        var swaps = 0;
        var swapping = Task.Factory.StartNew(
            () =>
            {
                while (!ended.IsCancellationRequested)
                {
                    swaps += Exchange(-100, $"{tree}/to-good", -100, $"{tree}/to-evil", 2) == 0 ? 1 : 0;
                }
            },
            TaskCreationOptions.LongRunning);

        var started = 0;
        for (var i = 0; i < Launches; i++)
        {
            await using var group = await host.CreateGroupAsync(new WorkspaceSpec { SourceDirectory = tree, BasePath = "/woodpecker/src", TreePath = "/woodpecker/src", CopyOnWrite = false });
            var output = new OutputRecorder();
            try
            {
                var container = await group.PrepareAsync(host.Shell("echo mine"), Cancellation);
                await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
                started += output.Out == "mine\n" ? 1 : 0;
            }
            catch (ContainerException)
            {
                // It is not made; that is said below.
            }
        }

        await ended.CancelAsync();
        await swapping;
        Assert.True(swaps > 0, "nothing was swapped");
        Assert.False(File.Exists(tree + "/ran"), File.Exists(tree + "/ran") ? await File.ReadAllTextAsync(tree + "/ran", Cancellation) : "");
        Assert.Equal(Launches, started);
    }

    [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Exchange(int fromDirectory, string from, int toDirectory, string to, uint flags);
}
