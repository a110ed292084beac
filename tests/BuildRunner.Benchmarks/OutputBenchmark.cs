using System.Diagnostics;
using System.Security.Cryptography;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Benchmarks;

/// <summary>What a step writes: the speed of its log against <c>docker run</c>'s attach (issue 4: at least 5 times), and what 500 MB in its layer add to its end (at most 5 ms).</summary>
internal static class OutputBenchmark
{
    private const int LogMegaBytes = 200, DirtyMegaBytes = 500;

    public static async Task<bool> RunAsync(int rounds)
    {
        await using var docker = await DockerPeer.StartAsync();
        await using var ours = EmbeddedEngine.Create();
        await using var group = await ours.NewGroupAsync();
        string[] write = ["/bin/busybox", "dd", "if=/dev/zero", "bs=64k", $"count={LogMegaBytes * 16}"];
        var log = Path.Combine(ours.Folder, "log");
        var comparison = new Comparison($"a log of {LogMegaBytes} MB, stored");
        comparison.Add("embedded engine", async () =>
        {
            await using var file = new FileSink(log);
            await EmbeddedEngine.RunAsync(group, ours.Step(write), file);
            Expect(file.Bytes >= LogMegaBytes << 20);
        });
        comparison.Add("embedded engine, kept under a key as agents do", async () =>
        {
            await using var file = new FileSink(log);
            var record = Directory.CreateDirectory(log + ".record");
            var step = ours.Step(write) with { Record = new RecordSpec(record.FullName, long.MaxValue) { Key = RandomNumberGenerator.GetBytes(RecordSpec.KeyLength) } };
            await EmbeddedEngine.RunAsync(group, step, file);
            record.Delete(recursive: true);
            Expect(file.Bytes >= LogMegaBytes << 20);
        });
        comparison.Add("embedded engine, kept", async () =>
        {
            await using var file = new FileSink(log);
            var record = Directory.CreateDirectory(log + ".record");
            await EmbeddedEngine.RunAsync(group, ours.Step(write) with { Record = new RecordSpec(record.FullName, long.MaxValue) }, file);
            record.Delete(recursive: true);
            Expect(file.Bytes >= LogMegaBytes << 20);
        });
        comparison.Add("docker run --rm --network none", async () =>
        {
            await Programs.RunAsync("sh", "-c", $"docker --host {docker.Host} run --rm --network none {DockerPeer.Image} {string.Join(' ', write)} > {log}.docker 2>/dev/null");
            Expect(new FileInfo(log + ".docker").Length >= LogMegaBytes << 20);
        });
        await comparison.MeasureAsync(rounds);
        var fast = comparison.AtMost("embedded engine", "docker run --rm --network none", 1.0 / 5);
        fast &= comparison.AtMost("embedded engine, kept under a key as agents do", "docker run --rm --network none", 1.0 / 5);
        return await MeasureDirtyAsync(ours, group, rounds) & fast;
    }

    private static async Task<bool> MeasureDirtyAsync(EmbeddedEngine ours, IContainerGroup group, int rounds)
    {
        var (clean, dirty) = (new List<double>(), new List<double>());
        var comparison = new Comparison($"steps with and without {DirtyMegaBytes} MB in their layer");
        comparison.Add("clean", async () => clean.Add(await EndAsync(ours, group, "echo end")));
        comparison.Add("dirty", async () => dirty.Add(await EndAsync(ours, group, $"dd if=/dev/zero of=/big bs=1M count={DirtyMegaBytes} 2>/dev/null; echo end")));
        await comparison.MeasureAsync(rounds);
        return Comparison.AtMostLater("end of the step after its last output, dirty", dirty, "clean", clean, 5);
    }

    /// <summary>Milliseconds from the last output to the moment at which the engine says that the step has ended.</summary>
    private static async Task<double> EndAsync(EmbeddedEngine ours, IContainerGroup group, string script)
    {
        var watch = new ByteWatch();
        await EmbeddedEngine.RunAsync(group, ours.Step("/bin/sh", "-c", script), watch);
        return Stopwatch.GetElapsedTime(watch.Last).TotalMilliseconds;
    }

    private static void Expect(bool whole)
    {
        if (!whole)
        {
            throw new InvalidOperationException("the log is not whole");
        }
    }
}
