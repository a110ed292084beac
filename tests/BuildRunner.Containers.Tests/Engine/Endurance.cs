using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>
/// Many steps, of which many end badly, counted from outside. In full size (issue 4: 1,000 steps, the caller's memory counted too) by
/// <c>BUILDRUNNER_ENDURANCE_STEPS=1000</c>, when no other test runs in this process; kills of caller and shims likewise by <c>BUILDRUNNER_ENDURANCE_KILLS</c>.
/// </summary>
[Collection(nameof(Counting_the_host))]
public sealed class Endurance
{
    private const int AtOnce = 4, Parts = 4;

    private static readonly int Steps = Number("BUILDRUNNER_ENDURANCE_STEPS", 40);
    private static readonly int Kills = Number("BUILDRUNNER_ENDURANCE_KILLS", 3);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Many_steps_killed_timed_out_and_well_leave_nothing_behind()
    {
        await using var host = OciHost.Create();
        using var store = new ImageStore(host.Folder["store"], new ImageStoreOptions(), TimeProvider.System);
        var image = await ImportAsync(host, store);
        await using var engine = OciEngine.Create(host.Options);
        var workflows = new BusyWorkflows(engine, image, host.Folder["image/etc"], host.Auditor.Watch);

        // What a first use loads and a host keeps once is there before anything is counted.
        await workflows.RunAsync(Math.Max(AtOnce * 5, Steps / 5), AtOnce);
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        var (files, devices, rules, memory, descriptors) = (Fingerprint(host.Folder["store"]), Devices(), Rules(), Settled(), Descriptors());
        var tree = Fingerprint(host.Folder["image/etc"]);
        var (succeeded, killed, timedOut) = (workflows.Succeeded, workflows.Killed, workflows.TimedOut);
        var watch = Stopwatch.StartNew();

        var log = TestContext.Current.TestOutputHelper;
        log?.WriteLine($"before: {memory}");
        for (var part = 0; part < Parts; part++)
        {
            await workflows.RunAsync(Steps / Parts, AtOnce);
            log?.WriteLine($"after {(part + 1) * Steps / Parts} steps: {MemoryInUse.OfThisProcess()}; {Descriptors()} descriptors");
        }

        log?.WriteLine($"{Steps} steps in {watch.Elapsed}: {workflows.Succeeded - succeeded} ended by themselves, {workflows.Killed - killed} killed, {workflows.TimedOut - timedOut} timed out");
        Assert.Equal(Steps, workflows.Succeeded - succeeded + workflows.Killed - killed + workflows.TimedOut - timedOut);
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        Assert.Equal(files, Fingerprint(host.Folder["store"]));
        Assert.Equal(tree, Fingerprint(host.Folder["image/etc"]));
        Assert.Empty(Rules().Except(rules));
        var after = MemoryInUse.OfThisProcess();
        log?.WriteLine($"after: {after}; descriptors {descriptors}, then {Descriptors()}; devices {devices}, then {Devices()}");
        if (Steps >= 500)
        {
            Assert.True(after.All <= memory.All + (10 << 10), $"before: {memory}\nafter: {after}");
            Assert.InRange(Descriptors(), 0, descriptors + 10);
            Assert.Empty(ChildrenOf(Environment.ProcessId));
        }
    }

    [Fact]
    public async Task Whenever_caller_or_shims_are_killed_nothing_runs_on_and_the_next_start_leaves_the_host_clean()
    {
        await using var host = OciHost.Create();
        for (var round = 0; round < Kills; round++)
        {
            var child = await CrashingChild.StartAsync(host.Folder, "busy", new()
            {
                [CrashingProcess.StateVariable] = host.Options.StateRoot,
                [CrashingProcess.SandboxVariable] = host.Options.SandboxPath,
                [CrashingProcess.BusyVariable] = "2",
            });
            File.Delete(host.Folder["socket"]);
            await Task.Delay(RandomNumberGenerator.GetInt32(1500), Stop);
            var shims = ChildrenOf(child.Id).Where(c => c.Command.EndsWith(" shim", StringComparison.Ordinal)).ToList();
            if (round % 3 > 0 && shims.Count > 0)
            {
                Kill(shims[RandomNumberGenerator.GetInt32(shims.Count)].Id);
                await Task.Delay(RandomNumberGenerator.GetInt32(50), Stop);
            }

            child.Kill();
            await child.WaitForExitAsync(Stop);
            foreach (var shim in shims.Where(_ => round % 3 == 2))
            {
                Kill(shim.Id);
            }

            var running = await host.Auditor.ProcessesAfterAsync(Limit);
            Assert.True(running.Count == 0, $"round {round}: {string.Join('\n', running)}");
            await host.Engine.ReapAsync("tests", Stop);
            Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        }
    }

    private static async Task<ResolvedImage> ImportAsync(OciHost host, ImageStore store)
    {
        BusyboxImage.WriteArchive(host.Folder["image"], host.Folder["busybox.tar"]);
        _ = ImageReference.TryParse(BusyboxImage.Name, null, out var name, out _);
        await store.ImportAsync(new ImageImport { Path = host.Folder["busybox.tar"], Name = name }, null, Stop);
        return await store.PullAsync(name!, new PullOptions { Policy = PullPolicy.Never }, null, Stop);
    }

    /// <summary>Every file of a folder: its path, what it is, and what is in it.</summary>
    private static string Fingerprint(string folder)
    {
        using var list = Process.Start(new ProcessStartInfo("find") { ArgumentList = { folder, "-printf", "%P %y %m %U %G %s %l\\n" }, RedirectStandardOutput = true })!;
        var names = string.Join('\n', list.StandardOutput.ReadToEnd().Split('\n').Order(StringComparer.Ordinal));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => new FileInfo(f).LinkTarget is null).Order(StringComparer.Ordinal))
        {
            hash.AppendData(File.ReadAllBytes(file));
        }

        return names + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static int Devices() => Directory.EnumerateDirectories("/sys/class/net").Count();

    private static string[] Rules()
    {
        using var list = Process.Start(new ProcessStartInfo("nft") { ArgumentList = { "list", "tables" }, RedirectStandardOutput = true })!;
        return list.StandardOutput.ReadToEnd().Split('\n');
    }

    /// <summary>Taken twice: what the measuring itself compiles and reads is in it then.</summary>
    private static MemoryInUse Settled()
    {
        _ = MemoryInUse.OfThisProcess();
        return MemoryInUse.OfThisProcess();
    }

    private static int Descriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count();

    private static IEnumerable<(int Id, string Command)> ChildrenOf(int process)
    {
        foreach (var entry in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out _)))
        {
            string status, command;
            try
            {
                (status, command) = (File.ReadAllText(entry + "/stat"), File.ReadAllText(entry + "/cmdline"));
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
                continue;
            }

            if (status[(status.LastIndexOf(')') + 2)..].Split(' ')[1] == process.ToString(CultureInfo.InvariantCulture))
            {
                yield return (int.Parse(Path.GetFileName(entry), CultureInfo.InvariantCulture), command.Replace('\0', ' ').TrimEnd());
            }
        }
    }

    private static void Kill(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            found.Kill();
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
        {
            // It has ended meanwhile.
        }
    }

    private static int Number(string variable, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}

/// <summary>Tests that count what the whole host has, packet filter tables for one: nothing else runs beside them.</summary>
[CollectionDefinition(nameof(Counting_the_host), DisableParallelization = true)]
public sealed class Counting_the_host;
