using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using Xunit;

namespace BuildRunner.Testing.Engine;

/// <summary>What every engine promises. Each engine's tests derive from it and say how an engine with an image is made.</summary>
public abstract partial class EngineContract
{
    /// <summary>An engine of this test's own, with an image that has busybox, and the user <c>builder</c> (1000, also in 1500 and 1501).</summary>
    public interface IEngineHost : IAsyncDisposable
    {
        IContainerEngine Engine { get; }

        ResolvedImage Image { get; }

        /// <summary>An empty folder on the host.</summary>
        TestFolder Folder { get; }

        /// <summary>What the engine's groups have left, one line each, after it had time to tidy up.</summary>
        Task<IReadOnlyList<string>> FindLeftOversAsync();
    }

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected abstract IEngineHost CreateHost();

    /// <summary>True: whoever a step runs as, the owner of the working tree is who it is.</summary>
    protected virtual bool MapsOwners => true;

    /// <summary>False: the engine cannot limit what a step takes on this host.</summary>
    protected virtual bool HasLimits => true;

    /// <summary>False: a step that is root may change the files that it was given, for itself.</summary>
    protected virtual bool LocksFiles => true;

    /// <summary>False: the engine cannot run privileged containers on this host.</summary>
    protected virtual bool CanBePrivileged => true;

    /// <summary>Skips a test of limits where there are none, which <c>doctor</c> tells.</summary>
    private void NeedsLimits() => Assert.SkipUnless(HasLimits, "this engine cannot limit what a step takes here");

    protected static Task<IContainerGroup> CreateGroupAsync(IEngineHost host, WorkspaceSpec? workspace = null, ResourceLimits? limits = null) =>
        host.Engine.CreateGroupAsync(
            new GroupSpec { Id = $"test-{Guid.CreateVersion7():N}", Owner = "tests", Workspace = workspace, Limits = limits ?? ResourceLimits.None }, Cancellation);

    protected static ContainerSpec Shell(IEngineHost host, string script, string name = "step") =>
        new() { Name = name, Image = host.Image, Entrypoint = ["/bin/sh", "-c", script] };

    /// <summary>Runs a container of a group to its end.</summary>
    protected static async Task<RunResult> RunAsync(IContainerGroup group, ContainerSpec spec, StartSpec? start = null)
    {
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(spec, Cancellation);
        var exit = await group.RunAsync(container, start ?? StartSpec.AsPrepared, output, Cancellation);
        return new RunResult(exit, output.Out, output.Error);
    }

    /// <summary>Runs a script in a group of its own.</summary>
    protected static async Task<RunResult> RunAloneAsync(IEngineHost host, string script, Func<ContainerSpec, ContainerSpec>? change = null)
    {
        await using var group = await CreateGroupAsync(host);
        var spec = Shell(host, script);
        return await RunAsync(group, change?.Invoke(spec) ?? spec);
    }

    protected sealed record RunResult(ContainerExit Exit, string Out, string Error)
    {
        /// <summary>Standard output of a command that must have succeeded, without the last line's end.</summary>
        public string Text => Exit is ContainerExit.Exited(0) ? Out.TrimEnd('\n') : throw new InvalidOperationException($"{Exit}: {Out}{Error}");
    }
}
