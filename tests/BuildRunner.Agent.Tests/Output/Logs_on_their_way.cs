using System.Security.Cryptography;
using System.Text;
using BuildRunner.Agent.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Output;

/// <summary>From what a container writes to the frames in the agent's file: every byte, or an exact word about it.</summary>
public sealed class Logs_on_their_way : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    private string File => folder["log"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Binary_output_is_kept_to_the_byte_with_carriage_returns_and_without_a_last_line_feed()
    {
        var bytes = RandomNumberGenerator.GetBytes(300_000);
        Encoding.ASCII.GetBytes("a\r\nb\r\r\n\n\n").CopyTo(bytes, 1000);
        await WriteAsync(new LogLimits { MaxLine = 1000 }, Masker.None, Cut(bytes, 4096));
        Assert.Equal(bytes, Written(LogStream.Out));
    }

    [Fact]
    public async Task What_is_beyond_the_limit_is_counted_to_the_byte()
    {
        await WriteAsync(new LogLimits { MaxPerStep = 1000 }, Masker.None, Cut(new byte[1500].AsSpan().ToArray(), 700));
        Assert.Equal(1000, Written(LogStream.Out).Length);
        Assert.StartsWith("500 more bytes were written and are not kept", Encoding.UTF8.GetString(Written(LogStream.System)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_of_nothing_but_line_feeds_stays_below_what_the_server_takes_and_is_counted()
    {
        await WriteAsync(new LogLimits { MaxPerStep = 12_000 }, Masker.None, Cut(Enumerable.Repeat((byte)'\n', 12_000).ToArray(), 1000));
        Assert.InRange(new FileInfo(File).Length, 20_000, 24_500);
        var missing = long.Parse(Encoding.UTF8.GetString(Written(LogStream.System)).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(12_000, Written(LogStream.Out).Length + missing);
    }

    [Fact]
    public async Task One_line_of_a_gibibyte_takes_no_more_memory_than_a_short_one()
    {
        var limits = new LogLimits { MaxPerStep = 32 << 20 };
        var chunk = Enumerable.Repeat((byte)'x', 64 * 1024).ToArray();
        using var file = LogFile.Create(File);
        using var log = new FrameLog(file, new Masker(["a-secret"]), limits, TimeProvider.System);
        await log.WriteAsync(OutputStream.Out, chunk, DateTimeOffset.UnixEpoch, Cancel);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 1; i < 16 * 1024; i++)
        {
            await log.WriteAsync(OutputStream.Out, chunk, DateTimeOffset.UnixEpoch, Cancel);
        }

        var after = GC.GetTotalMemory(forceFullCollection: true);
        await log.EndAsync(Cancel);
        file.Complete();
        Assert.True(after - before < 4 << 20, $"{after - before} bytes more are held");
        Assert.Equal(32 << 20, Written(LogStream.Out).Length);
        Assert.StartsWith($"{(1L << 30) - (32 << 20)} more bytes", Encoding.UTF8.GetString(Written(LogStream.System)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_begun_line_is_shown_after_a_moment_and_goes_on_in_the_next_frame()
    {
        using var file = LogFile.Create(File);
        using var log = new FrameLog(file, Masker.None, new LogLimits(), TimeProvider.System);
        var changed = file.ChangedAsync();
        await log.WriteAsync(OutputStream.Out, "password: "u8.ToArray(), DateTimeOffset.UnixEpoch, Cancel);
        await changed.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        await log.WriteAsync(OutputStream.Out, "given\n"u8.ToArray(), DateTimeOffset.UnixEpoch, Cancel);
        await log.EndAsync(Cancel);
        Assert.Equal("password: given\n", Encoding.UTF8.GetString(Written(LogStream.Out)));
    }

    [Fact]
    public async Task A_log_that_was_cut_off_by_a_crash_is_whole_again_up_to_its_last_frame()
    {
        await WriteAsync(new LogLimits(), Masker.None, ["one\n"u8.ToArray(), "two\n"u8.ToArray()]);
        System.IO.File.Delete(File + ".end");
        await using (var raw = System.IO.File.OpenWrite(File))
        {
            raw.SetLength(raw.Length - 1);
        }

        using (var log = LogFile.Reopen(File))
        {
            Assert.Null(log.Digest);
            using var more = new FrameLog(log, Masker.None, new LogLimits(), TimeProvider.System);
            await more.SayAsync("the end", Cancel);
            log.Complete();
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(await System.IO.File.ReadAllBytesAsync(File, Cancel))), log.Digest);
        }

        Assert.Equal("one\n", Encoding.UTF8.GetString(Written(LogStream.Out)));
    }

    private async Task WriteAsync(LogLimits limits, Masker masker, IEnumerable<byte[]> chunks)
    {
        using var file = LogFile.Create(File);
        using var log = new FrameLog(file, masker, limits, TimeProvider.System);
        foreach (var chunk in chunks)
        {
            await log.WriteAsync(OutputStream.Out, chunk, DateTimeOffset.UnixEpoch, Cancel);
        }

        await log.EndAsync(Cancel);
        file.Complete();
    }

    private static IEnumerable<byte[]> Cut(byte[] bytes, int size) => bytes.Chunk(size);

    private byte[] Written(LogStream stream)
    {
        using var text = new MemoryStream();
        ReadOnlyMemory<byte> rest = System.IO.File.ReadAllBytes(File);
        while (LogFrame.TryRead(rest, out var frame))
        {
            if (frame.Stream == stream)
            {
                text.Write(frame.Text.Span);
                text.Write(frame.Unterminated ? [] : "\n"u8);
            }

            rest = rest[frame.Size..];
        }

        return text.ToArray();
    }
}
