using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using BuildRunner.Testing;
using BuildRunner.Testing.Git;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Steps that write more than anybody keeps, and disks that are full: what is said, what is kept, and who else notices.</summary>
/// <remarks><c>BUILDRUNNER_TEST_LOG_BYTES=1073741824</c> makes the logs as long as the promise says, against the limits that are built in; without it they are a stand-in.</remarks>
public sealed partial class Too_much : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    public void Dispose() => folder.Dispose();

    [Fact(Explicit = true)]
    public async Task Endless_logs_are_cut_with_an_exact_word_while_memory_stays_flat_and_others_go_on()
    {
        var full = long.TryParse(Environment.GetEnvironmentVariable("BUILDRUNNER_TEST_LOG_BYTES"), CultureInfo.InvariantCulture, out var wanted);
        var (bytes, limit) = full ? (wanted, 256L << 20) : (64L << 20, 12L << 20);
        await using var service = await Service.ApartAsync(folder, ("Logs:MaxPerStep", $"{limit}"), ("Agent:Slots", "4"));
        var loud = TestRepository.Create(folder["repos"], "loud");
        foreach (var (kind, command) in new[] { ("lines", $"yes 0123456789abcdef | head -c {bytes}"), ("line", $"head -c {bytes} /dev/zero | tr '\\0' x"), ("binary", $"head -c {bytes} /dev/urandom") })
        {
            loud.Commit(".buildrunner.yml", $"skip_clone: true\nsteps:\n  - name: {kind}\n    image: rootfs:/\n    commands:\n      - {command}\n", kind == "lines" ? "refs/heads/main" : $"refs/heads/{kind}");
        }

        var quiet = TestRepository.Create(folder["repos"], "quiet");
        quiet.Commit(".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: say\n    image: rootfs:/\n    commands: [ 'echo hello' ]\n");
        await service.AddAsync("acme/loud", loud.Bare);
        await service.AddAsync("acme/quiet", quiet.Bare);
        await (await service.RunAsync("acme/quiet")).EndedAsAsync("success", "say");
        var before = (Peak(service.Server), Peak(service.Agent));

        foreach (var kind in new[] { "lines", "line", "binary" })
        {
            var clock = Stopwatch.StartNew();
            var running = service.RunAsync("acme/loud", new JsonObject { ["branch"] = kind == "lines" ? "main" : kind });
            var other = await (await service.RunAsync("acme/quiet")).EndedAsAsync("success", "say");
            var beside = clock.Elapsed;
            var ran = await (await running).EndedAsAsync("success");
            TestContext.Current.TestOutputHelper?.WriteLine($"{kind}: {bytes} bytes in {clock.Elapsed.TotalSeconds:0.0} s, another run beside it {beside.TotalSeconds:0.0} s; peaks: server {Peak(service.Server)} KiB, agent {Peak(service.Agent)} KiB");
            Assert.Contains("hello", await other.LogAsync("say"), StringComparison.Ordinal);
            await CheckAsync(ran, kind, bytes, limit);
        }

        Assert.InRange(Peak(service.Server) - before.Item1, 0, 160 * 1024);
        Assert.InRange(Peak(service.Agent) - before.Item2, 0, 160 * 1024);
    }

    [Fact(Explicit = true)]
    public async Task An_agent_whose_disk_is_full_says_so_loses_nothing_that_it_had_and_goes_on_by_itself_when_there_is_room()
    {
        Requires.Root();
        using var disk = SmallDisk.Mount(folder["work"], "64m", "0711");
        await using var service = await Service.ApartAsync(folder, ("Agent:MinFreeDisk", "8MiB"), ("Agent:Slots", "2"));
        var shop = TestRepository.Create(folder["repos"], "shop");
        shop.Commit(".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: count\n    image: rootfs:/\n    commands:\n      - i=0; while i=$((i+1)); do echo \"line $i of many, and some more to fill the disk\"; done\n");
        shop.Commit(".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: say\n    image: rootfs:/\n    commands: [ 'echo hello' ]\n", "refs/heads/small");
        await service.AddAsync("acme/shop", shop.Bare);
        var counting = service.RunAsync("acme/shop");
        await SeesAsync(service, 1);
        disk.Fill();

        var stopped = await (await counting).EndedAsAsync("error", "count");
        Assert.Contains("No space left on device", stopped.Told, StringComparison.Ordinal);
        var numbers = Lines().Matches(await stopped.LogAsync("count")).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(Enumerable.Range(1, numbers.Count), numbers);
        Assert.True(numbers.Count > 10);

        // Nothing new is begun there, which whoever waits can read.
        disk.Fill();
        var waiting = service.RunAsync("acme/shop", new JsonObject { ["branch"] = "small" });
        await SaysAsync(service, 2, "its disk is nearly full");
        disk.Free();
        var ran = await (await waiting).EndedAsAsync("success", "say");
        Assert.Contains("hello", await ran.LogAsync("say"), StringComparison.Ordinal);
    }

    private static async Task CheckAsync(Ran ran, string kind, long bytes, long limit)
    {
        var log = await ran.Service.Http.GetByteArrayAsync($"/api/v1/repos/{ran.Repository}/runs/{ran.Number}/log?step={kind}", TestContext.Current.CancellationToken);
        var tail = Encoding.Latin1.GetString(log[^400..]);
        var word = Marker().Match(tail);
        Assert.True(word.Success, $"{kind}: {tail}");
        var command = log.AsSpan().IndexOf((byte)'\n') + 1;

        // The line feed before the word is the reader's own, unless the last byte that was kept is one, which of random bytes one in 256 is.
        var kept = log.Length - (tail.Length - word.Index);
        kept += kind == "binary" && kept == limit - 1 ? 1 : 0;
        Assert.Equal(limit, long.Parse(word.Groups["limit"].Value, CultureInfo.InvariantCulture));
        Assert.Equal(bytes + command, kept + long.Parse(word.Groups["missing"].Value, CultureInfo.InvariantCulture));
        Assert.Equal(limit, kept);
    }

    private static async Task SeesAsync(Service service, int run)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (true)
        {
            using var answer = await service.Http.GetAsync($"/api/v1/repos/acme/shop/runs/{run}/log?step=count&tail=20", patience.Token);
            if (answer.IsSuccessStatusCode && Lines().IsMatch(await answer.Content.ReadAsStringAsync(patience.Token)))
            {
                return;
            }

            await Task.Delay(100, patience.Token);
        }
    }

    private static async Task SaysAsync(Service service, int run, string reason)
    {
        var said = "";
        for (var tries = 0; tries < 900; tries++)
        {
            using var answer = await service.Http.GetAsync($"/api/v1/repos/acme/shop/runs/{run}", TestContext.Current.CancellationToken);
            said = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            if (said.Contains(reason, StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"'{reason}' is not told: {said}\n{service.Said}");
    }

    private static long Peak(Running process) => long.Parse(
        File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\n?\[(?<missing>\d+) more bytes were written and are not kept: a step may write (?<limit>\d+) bytes \(Logs:MaxPerStep\)\]\n\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Marker();

    [GeneratedRegex(@"^line (\d+) of many", RegexOptions.Multiline)]
    private static partial Regex Lines();
}
