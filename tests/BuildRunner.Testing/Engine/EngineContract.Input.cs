using System.Text;
using System.Threading.Channels;
using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    [Fact]
    public async Task A_command_reads_what_is_sent_to_it_until_its_end()
    {
        await using var host = CreateHost();
        var input = Channel.CreateUnbounded<InputEvent>();

        // More than a pipe and a message hold, so that both have to wait.
        var content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 40_000).Select(i => $"{i}\n")));
        input.Writer.TryWrite(new InputEvent.Bytes(content));
        input.Writer.TryWrite(new InputEvent.End());
        var result = await RunWithInputAsync(host, "sleep 0.2; cat", new ContainerInput(input.Reader, null));
        Assert.Equal(content.Length, result.Text.Length + 1);
        Assert.EndsWith("\n39999", result.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Input_that_a_command_does_not_read_keeps_it_neither_from_ending_nor_from_being_ended()
    {
        await using var host = CreateHost();
        var input = Channel.CreateUnbounded<InputEvent>();
        input.Writer.TryWrite(new InputEvent.Bytes(new byte[1 << 20]));
        Assert.Equal("done", (await RunWithInputAsync(host, "echo done", new ContainerInput(input.Reader, null))).Text);
        input.Writer.TryWrite(new InputEvent.Bytes(new byte[1 << 20]));
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await using var group = await CreateGroupAsync(host);
        await using var container = await group.PrepareAsync(Shell(host, "sleep 600"), Cancellation);
        var run = group.RunAsync(container, new StartSpec { Input = new ContainerInput(input.Reader, null) }, new OutputRecorder(), stop.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("builder")]
    public async Task A_command_gets_a_terminal_of_its_own_if_it_shall_have_one(string? user)
    {
        await using var host = CreateHost();
        var input = Channel.CreateUnbounded<InputEvent>();
        var script = "tty; stty size; echo again > $(tty) && : > /dev/tty && echo mine; read line; echo \"read $line\"; while [ \"$(stty size)\" = '24 100' ]; do sleep 0.05; done; stty size; exit 5";
        input.Writer.TryWrite(new InputEvent.Bytes("typed\r"u8.ToArray()));
        var output = new OutputRecorder();
        await using var group = await CreateGroupAsync(host);
        await using var container = await group.PrepareAsync(Shell(host, script) with { User = user }, Cancellation);
        var run = group.RunAsync(container, new StartSpec { Input = new ContainerInput(input.Reader, new TerminalSize(100, 24)) }, output, Cancellation);
        await output.Contains("read typed");
        input.Writer.TryWrite(new InputEvent.Resized(new TerminalSize(90, 30)));
        Assert.Equal(new ContainerExit.Exited(5), await run.WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
        var lines = output.Out.Split('\n').Select(l => l.TrimEnd('\r')).Where(l => l is not ("typed" or "")).ToList();
        Assert.Matches("^/dev/pts/[0-9]+$", lines.Single(l => l.StartsWith("/dev", StringComparison.Ordinal)));
        Assert.Equal("24 100, again, mine, read typed, 30 90", string.Join(", ", lines.Where(l => !l.StartsWith("/dev", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Control_keys_of_a_terminal_do_what_they_do()
    {
        await using var host = CreateHost();
        var input = Channel.CreateUnbounded<InputEvent>();
        var output = new OutputRecorder();
        await using var group = await CreateGroupAsync(host);
        await using var container = await group.PrepareAsync(Shell(host, "trap 'echo caught; cat; exit 6' INT; echo ready; while true; do sleep 0.1; done"), Cancellation);
        var run = group.RunAsync(container, new StartSpec { Input = new ContainerInput(input.Reader, new TerminalSize(80, 24)) }, output, Cancellation);
        await output.Contains("ready");
        input.Writer.TryWrite(new InputEvent.Bytes("\x3"u8.ToArray()));
        await output.Contains("caught");
        input.Writer.TryWrite(new InputEvent.End());
        Assert.Equal(new ContainerExit.Exited(6), await run.WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
    }

    private static async Task<RunResult> RunWithInputAsync(IEngineHost host, string script, ContainerInput input, string? user = null)
    {
        await using var group = await CreateGroupAsync(host);
        return await RunAsync(group, Shell(host, script) with { User = user }, new StartSpec { Input = input }).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
    }
}
