using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>A group with a small tree.</summary>
internal sealed record TreeRun(IContainerEngine Engine, IContainerGroup Group, ResolvedImage Image, TestFolder Folder) : IAsyncDisposable
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<TreeRun> OpenAsync(EngineFixture fixture, Func<DockerEngineOptions, DockerEngineOptions>? change = null)
    {
        fixture.Required();
        var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["tree/directory"]);
        await File.WriteAllTextAsync(folder["tree/kept"], "kept\n", Stop);
        await File.WriteAllTextAsync(folder["tree/gone"], "gone\n", Stop);
        File.CreateSymbolicLink(folder["tree/link"], "kept");
        var engine = fixture.NewEngine(o => (change?.Invoke(o) ?? o) with { ScratchDirectory = folder["scratch"] });
        var workspace = new WorkspaceSpec { BasePath = "/woodpecker", TreePath = "/woodpecker/src", SourceDirectory = folder["tree"], CopyOnWrite = true };
        var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests", Workspace = workspace }, Stop);
        return new TreeRun(engine, group, fixture.Image, folder);
    }

    public ContainerSpec Shell(string script) => new() { Name = "step", Image = Image, Entrypoint = ["/bin/sh", "-c", script] };

    public async Task<(ContainerExit Exit, OutputRecorder Output)> RunAsync(ContainerSpec spec)
    {
        var output = new OutputRecorder();
        await using var container = await Group.PrepareAsync(spec, Stop);
        return (await Group.RunAsync(container, StartSpec.AsPrepared, output, Stop), output);
    }

    public async Task<OutputRecorder> ShellAsync(string script, string? user = null)
    {
        var (exit, output) = await RunAsync(Shell(script) with { User = user });
        return exit is ContainerExit.Exited(0) ? output : throw new InvalidOperationException($"{exit}: {output.Out}{output.Error}");
    }

    public async ValueTask DisposeAsync()
    {
        await Group.DisposeAsync();
        await Engine.DisposeAsync();
        Folder.Dispose();
    }
}
