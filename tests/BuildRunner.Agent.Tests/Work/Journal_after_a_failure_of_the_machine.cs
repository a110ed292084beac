using System.Text;
using BuildRunner.Agent.Work;
using BuildRunner.Core.AgentContract;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>Whether a step had started says the file <c>started</c>, whatever a power cut left of it: "go" is said after the disk has all of it, so nothing less than all of it counts.</summary>
public sealed class Journal_after_a_failure_of_the_machine
{
    private const string Image = "docker.io/library/busybox@sha256:0123";
    private static readonly TestWork Work = new(Steps.AgentRun.Step("build"));

    [Fact]
    public async Task A_step_whose_start_was_noted_had_started_with_that_image()
    {
        using var machine = new Machine();
        var step = await machine.BegunAsync(started: true);
        Assert.Equal((true, Image), machine.Read(step));
    }

    [Fact]
    public async Task A_step_that_was_taken_and_not_started_had_not()
    {
        using var machine = new Machine();
        var step = await machine.BegunAsync(started: false);
        Assert.Equal((false, null), machine.Read(step));
    }

    /// <summary>What a file system leaves of a file that it was about to write: no name, a name and no content, a part, room and nothing in it, the first part of what was written over it.</summary>
    [Theory]
    [InlineData(null, 0)]
    [InlineData("", 0)]
    [InlineData("", 512)]
    [InlineData("", 4095)]
    [InlineData("", 4096)]
    [InlineData("docker.io/lib", 13)]
    [InlineData("docker.io/lib", 512)]
    [InlineData("docker.io/lib", 4096)]
    [InlineData(Image + "\n", 512)]
    [InlineData("\n", 4096)]
    [InlineData("~ocker.io\n", 4096)]
    public async Task What_was_cut_off_is_no_start(string? content, int length)
    {
        using var machine = new Machine();
        var step = await machine.BegunAsync(started: true);
        machine.Leave(step, content, length);
        Assert.Equal((false, null), machine.Read(step));
    }

    [Theory]
    [InlineData("", 0, true, null)]
    [InlineData(Image, 0, true, Image)]
    [InlineData(Image, 4096, true, Image)]
    [InlineData("", 4096, false, null)]
    [InlineData(null, 0, false, null)]
    public async Task What_an_earlier_version_wrote_is_read_as_it_meant_it(string? content, int length, bool started, string? image)
    {
        using var machine = new Machine();
        var step = await machine.BegunAsync(started: false);
        machine.Leave(step, content, length);
        machine.WithoutRoom(step);
        Assert.Equal((started, image), machine.Read(step));
    }

    private sealed class Machine : IDisposable
    {
        private readonly TestFolder folder = TestFolder.Create();
        private readonly WorkFolder work;
        private readonly Journal journal;

        public Machine()
        {
            work = WorkFolder.Open(folder["agent"], folder["volatile"]);
            journal = new Journal(work);
        }

        public async Task<WorkId> BegunAsync(bool started)
        {
            var step = Work.Step("build");
            await journal.BeginAsync(step, "group");
            if (started)
            {
                journal.Started(step.Id, Image);
            }

            return step.Id;
        }

        /// <summary>This is in the file now (<c>~</c> is a zero), and zeros behind it up to a length; null: there is no file.</summary>
        public void Leave(WorkId step, string? content, int length)
        {
            var path = Path.Combine(work.Work(step), "started");
            File.Delete(path);
            if (content is not null)
            {
                var bytes = Encoding.UTF8.GetBytes(content.Replace('~', '\0'));
                Array.Resize(ref bytes, Math.Max(bytes.Length, length));
                File.WriteAllBytes(path, bytes);
            }
        }

        public void WithoutRoom(WorkId step)
        {
            var path = Path.Combine(work.Work(step), "entry");
            var entry = File.ReadAllText(path);
            Assert.Contains(",\"room\":true", entry, StringComparison.Ordinal);
            File.WriteAllText(path, entry.Replace(",\"room\":true", "", StringComparison.Ordinal));
        }

        public (bool Started, string? Image) Read(WorkId step)
        {
            var read = Assert.Single(journal.ReadAll());
            Assert.Equal(step, read.Entry.Work);
            return (read.Started, read.Image);
        }

        public void Dispose()
        {
            work.Dispose();
            folder.Dispose();
        }
    }
}
