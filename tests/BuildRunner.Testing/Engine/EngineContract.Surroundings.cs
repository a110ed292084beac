using System.Buffers;
using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    [Theory]
    [InlineData("exit 255", 255)]
    [InlineData("kill -9 $$", 137)]
    [InlineData("kill -15 $$", 143)]
    [InlineData("sh -c 'kill -9 $$'", 137)]
    public async Task Codes_and_signals_have_the_status_that_a_shell_shows(string script, int status)
    {
        await using var host = CreateHost();
        Assert.Equal(status, (await RunAloneAsync(host, script)).Exit.Status);
    }

    [Fact]
    public async Task The_environment_is_the_images_then_the_steps_then_the_starts_and_nothing_of_the_host()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var spec = Shell(host, "env | sort") with
        {
            Name = "Some step",
            Environment = new Dictionary<string, string> { ["A"] = "step", ["B"] = "step", ["IMAGE"] = "of the step" },
            WorkingDirectory = "/",
        };
        var start = new StartSpec { Environment = new Dictionary<string, string> { ["B"] = "a b  'c' \"d\" $e", ["C"] = "" } };
        var lines = (await RunAsync(group, spec, start)).Text.Split('\n').Where(l => !l.StartsWith("SHLVL=", StringComparison.Ordinal));
        Assert.Equal(["A=step", "B=a b  'c' \"d\" $e", "C=", "HOME=/root", "HOSTNAME=some-step", "IMAGE=of the step", "PATH=/bin:/usr/bin", "PWD=/"], lines);
    }

    [Fact]
    public async Task A_command_begins_in_the_images_working_directory_where_there_is_no_workspace()
    {
        await using var host = CreateHost();
        var image = host.Image with { Config = host.Image.Config with { WorkingDirectory = "/home/builder" } };
        Assert.Equal("/home/builder", (await RunAloneAsync(host, "pwd", s => s with { Image = image })).Text);
        await using var group = await CreateGroupAsync(host, View(host));
        Assert.Equal("/woodpecker/src", (await RunAsync(group, Shell(host, "pwd") with { Image = image })).Text);
    }

    [Fact]
    public async Task A_command_without_input_reads_the_end_at_once()
    {
        await using var host = CreateHost();
        Assert.Equal("end", (await RunAloneAsync(host, "cat; echo end")).Text);
    }

    [Fact]
    public async Task A_user_may_open_the_standard_streams()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "echo out > /dev/stdout; echo err > /dev/stderr", s => s with { User = "builder" });
        Assert.Equal((new ContainerExit.Exited(0), "out\n", "err\n"), (result.Exit, result.Out, result.Error));
    }

    [Fact]
    public async Task Output_is_bytes()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var sink = new BytesSink();
        var container = await group.PrepareAsync(Shell(host, "head -c 300000 /dev/urandom > /tmp/f; cat /tmp/f; sha256sum /tmp/f >&2"), Cancellation);
        await group.RunAsync(container, StartSpec.AsPrepared, sink, Cancellation);
        Assert.StartsWith(Convert.ToHexStringLower(SHA256.HashData(sink.Out.WrittenSpan)), System.Text.Encoding.ASCII.GetString(sink.Error.WrittenSpan), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_command_left_running_ends_with_it()
    {
        await using var host = CreateHost();
        Assert.Equal("now", (await RunAloneAsync(host, "(trap '' TERM HUP; sleep 600; echo late) & echo now")).Text);
    }

    [Fact]
    public async Task Files_belong_to_who_made_them_in_every_step()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, View(host));
        await RunAsync(group, Shell(host, "umask 022; mkdir /woodpecker/shared; chmod 777 /woodpecker/shared; touch /woodpecker/shared/root; chown 1234:4321 /woodpecker/shared/root"));
        await RunAsync(group, Shell(host, "umask 027; touch /woodpecker/shared/builder; mkdir /woodpecker/shared/folder") with { User = "builder" });
        const string Look = "cd /woodpecker/shared; stat -c '%n %u:%g %a' builder folder root; [ $(id -u) = 0 ] || rm -f ../src/kept";
        const string Expected = "builder 1000:1000 640\nfolder 1000:1000 750\nroot 1234:4321 644";
        Assert.Equal(Expected, (await RunAsync(group, Shell(host, Look))).Text);
        Assert.Equal(Expected, (await RunAsync(group, Shell(host, Look) with { User = "builder" })).Text);
    }

    [Fact]
    public async Task Containers_of_any_name_know_themselves_and_each_other()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        await group.StartServiceAsync(Shell(host, "sleep 600", "data-base"), new OutputRecorder(), Cancellation);
        var names = new[] { "Größe & Länge", "a/b c", "UPPER_case.1", new string('x', 80) };
        var seen = await Task.WhenAll(names.Select(n => RunAsync(group, Shell(host, "grep -c data-base /etc/hosts; grep -c -w \"$HOSTNAME\" /etc/hosts", n))));
        Assert.All(seen, s => Assert.Equal("1\n1", s.Text));
    }

    [Fact]
    public async Task Steps_side_by_side_have_a_loopback_each()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        const string Script = "echo hi > /tmp/f; nc -l -p 7000 < /tmp/f > /dev/null & until nc -w 1 127.0.0.1 7000 < /dev/null; do sleep 0.1; done";
        var runs = Enumerable.Range(0, 3).Select(i => RunAsync(group, Shell(host, Script, $"step-{i}")));
        Assert.All(await Task.WhenAll(runs), r => Assert.Equal("hi\n", r.Out));
    }

    [Fact]
    public async Task Directories_and_files_of_the_host_are_there_as_they_were_allowed()
    {
        await using var host = CreateHost();
        Directory.CreateDirectory(host.Folder["outside"]);
        await File.WriteAllTextAsync(host.Folder["outside/file"], "of the host\n", Cancellation);
        await File.WriteAllTextAsync(host.Folder["single"], "single\n", Cancellation);
        var result = await RunAloneAsync(host, "cat /in/file /single; touch /in/new 2>/dev/null || echo refused; echo made > /out/made; cat /out/file", s => s with
        {
            HostMounts =
            [
                new HostMount(host.Folder["outside"], "/in", ReadOnly: true),
                new HostMount(host.Folder["outside"], "/out", ReadOnly: false),
                new HostMount(host.Folder["single"], "/single", ReadOnly: true),
            ],
        });
        Assert.Equal("of the host\nsingle\nrefused\nof the host", result.Text);
        Assert.Equal("made\n", await File.ReadAllTextAsync(host.Folder["outside/made"], Cancellation));
    }

    [Fact]
    public async Task A_privileged_container_may_mount()
    {
        Assert.SkipUnless(CanBePrivileged, "this host's root lacks rights that the engine gives to privileged containers");
        await using var host = CreateHost();
        Assert.Equal("mounted", (await RunAloneAsync(host, "mkdir /m && mount -t tmpfs none /m && touch /m/x && echo mounted", s => s with { Privileged = true })).Text);
    }

    [Fact]
    public async Task A_disposed_group_leaves_nothing()
    {
        await using var host = CreateHost();
        await using (var group = await CreateGroupAsync(host, View(host)))
        {
            await group.StartServiceAsync(Shell(host, "sleep 600", "service"), new OutputRecorder(), Cancellation);
            await RunAsync(group, Shell(host, "echo x > made; exit 3"));
            await group.PrepareAsync(Shell(host, "true", "never run"), Cancellation);
        }

        Assert.Empty(await host.FindLeftOversAsync());
        Assert.Equal(0, await host.Engine.ReapAsync("tests", Cancellation));
    }

    private sealed class BytesSink : IOutputSink
    {
        public ArrayBufferWriter<byte> Out { get; } = new();

        public ArrayBufferWriter<byte> Error { get; } = new();

        public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
        {
            (stream == OutputStream.Out ? Out : Error).Write(bytes.Span);
            return ValueTask.CompletedTask;
        }
    }
}
