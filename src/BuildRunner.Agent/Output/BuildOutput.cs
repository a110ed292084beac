using System.Text;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Output;

/// <summary>Puts what the builder of a step's image prints into the step's log, before its container writes anything.</summary>
internal static class BuildOutput
{
    /// <summary>Takes lines. They come one at a time, from whoever reads the builder's answer; a slow log slows the build down.</summary>
    public static Action<string> To(IOutputSink log, TimeProvider time) => line =>
        log.WriteAsync(OutputStream.Out, Encoding.UTF8.GetBytes(line + "\n"), time.GetUtcNow(), CancellationToken.None).AsTask().GetAwaiter().GetResult();
}
