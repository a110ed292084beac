using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Tests.Engine.Docker;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Programs for the older processor that this one can be as well: ended by the filter of system calls, unless whoever runs the machine allows them.</summary>
public sealed class Programs_of_32_bits
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("runc", true, false, "32 bits\nended with 0\n")]
    [InlineData("runc", true, true, "32 bits\nended with 0\n")]
    [InlineData("direct", true, false, "32 bits\nended with 0\n")]
    [InlineData("direct", true, true, "32 bits\nended with 0\n")]
    [InlineData("runc", false, false, "ended with 159\n")]
    [InlineData("direct", false, false, "ended with 159\n")]
    public async Task Run_where_they_are_allowed_and_are_ended_by_a_signal_of_their_own_elsewhere(string runtime, bool allowed, bool mayGainRights, string said)
    {
        SkipWhereNoneRuns();
        await using var host = OciHost.Create(o => (o.RuntimePath, o.Allow32Bit) = (runtime, allowed));
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        await using var container = await group.PrepareAsync(host.Shell(Script) with { AllowNewPrivileges = mayGainRights }, Cancellation);

        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation));

        Assert.Equal(said, output.Out);
    }

    [Collection("docker")]
    public sealed class On_docker(DockerEngineFixture docker)
    {
        [Theory]
        [InlineData(true, "32 bits\nended with 0\n")]
        [InlineData(false, "ended with 159\n")]
        public async Task Run_where_they_are_allowed_and_are_ended_by_a_signal_of_their_own_elsewhere(bool allowed, string said)
        {
            docker.Required();
            SkipWhereNoneRuns();
            await using var engine = docker.NewEngine(o => o with { Allow32Bit = allowed });
            await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests" }, Cancellation);
            await using var container = await group.PrepareAsync(new ContainerSpec { Name = "step", Image = docker.Image, Entrypoint = ["/bin/sh", "-c", Script] }, Cancellation);
            var output = new OutputRecorder();

            Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation));

            Assert.Equal(said, output.Out);
        }
    }

    /// <summary>Some virtual machines' kernels execute no such program, whoever starts it: there is nothing to allow.</summary>
    private static void SkipWhereNoneRuns()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the test's program is for the i386");
        Assert.SkipUnless(ThisKernelRunsThem.Value, "this host's kernel executes no 32-bit programs");
    }

    private static readonly Lazy<bool> ThisKernelRunsThem = new(() =>
    {
        const int notExecutable = 8;
        using var folder = TestFolder.Create();
        File.WriteAllBytes(folder["old"], Program("32 bits\n"));
        File.SetUnixFileMode(folder["old"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            using var process = Process.Start(new ProcessStartInfo(folder["old"]) { RedirectStandardOutput = true })!;
            process.WaitForExit();
            return true;
        }
        catch (Win32Exception refused) when (refused.NativeErrorCode == notExecutable)
        {
            return false;
        }
    });

    private static string Script => $"printf '{Octal(Program("32 bits\n"))}' > /tmp/old; chmod +x /tmp/old; /tmp/old 2>/dev/null; echo ended with $?";

    private static string Octal(byte[] bytes) => string.Concat(bytes.Select(b => $"\\{Convert.ToString(b, 8).PadLeft(3, '0')}"));

    /// <summary>A program of the i386 that makes a socket of the internet, as its C library does, and writes a line; it ends with 2 if it gets no socket.</summary>
    private static byte[] Program(string line)
    {
        const uint address = 0x0804_8000;
        const int headers = 52 + 32;
        byte[] code =
        [
            0x6A, 0x00, 0x6A, 0x01, 0x6A, 0x02, 0x89, 0xE1, // push 0, SOCK_STREAM, AF_INET; mov ecx, esp
            0xB8, 102, 0, 0, 0, 0xBB, 1, 0, 0, 0, 0xCD, 0x80, // socketcall(SYS_SOCKET, ecx)
            0x85, 0xC0, 0x78, 34, // if it is negative, on to the other end
            0xB8, 4, 0, 0, 0, 0xBB, 1, 0, 0, 0, 0xB9, 0, 0, 0, 0, 0xBA, (byte)line.Length, 0, 0, 0, 0xCD, 0x80, // write(1, line, length)
            0xB8, 1, 0, 0, 0, 0xBB, 0, 0, 0, 0, 0xCD, 0x80, // exit(0)
            0xB8, 1, 0, 0, 0, 0xBB, 2, 0, 0, 0, 0xCD, 0x80, // exit(2)
        ];
        BinaryPrimitives.WriteUInt32LittleEndian(code.AsSpan(35), address + headers + (uint)code.Length);
        byte[] file = [.. new byte[headers], .. code, .. line.Select(c => (byte)c)];
        Span<byte> head = file;
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1]).CopyTo(head);
        Write(head[16..], 2 | (3 << 16), 1, address + headers, 52, 0, 0, 52 | (32 << 16), 1);
        Write(head[52..], 1, 0, address, address, (uint)file.Length, (uint)file.Length, 5, 0x1000);
        return file;
    }

    private static void Write(Span<byte> target, params ReadOnlySpan<uint> words)
    {
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target[(i * 4)..], words[i]);
        }
    }
}
