using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Agent.Tests.Steps;
using BuildRunner.Core.AgentContract;
using BuildRunner.Testing.Docker;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>kill -9 of an agent in the middle of what a step on Docker or Podman writes. A step makes a mark beside BuildRunner after each piece; so it is known what its pipe had taken,
/// and the log has to be that, from the first byte on, once.</summary>
public sealed partial class Logs_of_agents_killed_on_another_engine
{
    private const string Complete = "#the agent's process was ended and started anew; this log is complete up to the end of the container\n";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120), Pause = TimeSpan.FromMilliseconds(5);

    // A thousand numbers a piece, in lines that are short, or long; one line at a time, slowly; and no line at all.
    private static readonly Writer
        Fast = new("seq $((i * 1000 + 1)) $((i * 1000 + 1000))", static i => string.Concat(Enumerable.Range((i * 1000) + 1, 1000).Select(n => $"{n}\n"))),
        Long = new("seq -s ' ' $((i * 1000 + 1)) $((i * 1000 + 1000))", static i => string.Join(' ', Enumerable.Range((i * 1000) + 1, 1000)) + "\n"),
        Slow = new("echo line $i; sleep 0.05", static i => $"line {i}\n"),
        Unending = new("printf '%s.' $i", static i => $"{i}.");

    private readonly string secret = "s3cret-" + Guid.NewGuid().ToString("N");
    private readonly ScriptedServer server = new();

    [Theory]
    [InlineData("docker")]
    [InlineData("podman")]
    public async Task Have_all_that_the_step_had_written_once_and_in_order(string kind)
    {
        await using ITestEngine engine = kind == "docker" ? await DockerDaemon.StartAsync() : await PodmanService.StartAsync();
        using var auditor = new EngineAuditor(engine);
        await using var agent = await AgentProcess.CreateAsync(server, engine);
        foreach (var (writer, marks) in new[] { (Fast, 60), (Fast, 1200), (Slow, 12), (Unending, 3000) })
        {
            var (step, made) = await KillAsync(agent, auditor, writer, marks);
            if (writer == Slow)
            {
                await KillWhileItTellsAsync(agent);
            }

            agent.Start();
            await server.SeesAsync(s => s.LogEnded(step) && s.Ended(step) is not null, "the end of step and log");
            Assert.Equal("lost", server.Ended(step)!.Report.Outcome.Word);
            var (written, said) = Parts(server.Text(step));
            Assert.Equal(Complete, said);
            AssertIsWhatWasWritten(writer, made, written);
            await agent.KillAsync();
            Assert.Empty(FilesWithTheSecret(agent));
        }

        await BeyondTheLimitAsync(agent, auditor);
        Assert.Empty(await auditor.FindingsAfterAsync(Limit, () =>
        {
            agent.StartOnce();
            return Task.CompletedTask;
        }));
    }

    // What a step may not write is counted by whoever is there: first the agent, then the process in the container.
    private async Task BeyondTheLimitAsync(AgentProcess agent, EngineAuditor auditor)
    {
        server.Limits = server.Limits with { MaxPerStep = 100_000 };
        var (step, made) = await KillAsync(agent, auditor, Long, marks: 300);
        agent.Start();
        await server.SeesAsync(s => s.LogEnded(step) && s.Ended(step) is not null, "the end of step and log");
        var (written, said) = Parts(server.Text(step));
        Assert.EndsWith(Complete, said, StringComparison.Ordinal);
        var beginning = "private\n" + secret + "\n";
        var kept = written.Replace("********", secret, StringComparison.Ordinal);
        Assert.Equal(100_000, kept.Length);
        Assert.StartsWith(kept, beginning + Long.Pieces(100), StringComparison.Ordinal);
        var missing = long.Parse(Missing().Match(said).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(100_000 + missing - beginning.Length, Long.Pieces(made).Length, Long.Pieces(made + 1).Length);
        await agent.KillAsync();
    }

    /// <summary>Runs a step, and kills the agent when the step has made so many marks; returns how many it had made when it was dead.</summary>
    private async Task<(WorkId Step, int Marks)> KillAsync(AgentProcess agent, EngineAuditor auditor, Writer writer, int marks)
    {
        var mark = $"mark-{Guid.NewGuid():N}";
        var plan = AgentRun.Step("build") with
        {
            Image = agent.Image,
            Commands = [],
            Entrypoint =
            [
                "/bin/sh", "-c",
                $"w=private; for f in /proc/1/fd/*; do ( : < $f ) 2>/dev/null && w=reached; done; echo $w; echo {secret}; i=0; while true; do {writer.Command}; echo >> /witness/{mark}; i=$((i + 1)); done",
            ],
            Volumes = [$"{agent.Witness}:/witness"],
        };
        var work = new TestWork(AgentRun.Workflow(plan)) { Mask = [secret], Grants = new WorkGrants { Volumes = true } };
        var step = work.Step("build");
        var ready = server.Told.Count(t => t == "result start ready");
        await StartAsync(agent);
        server.Queue(work.Start);
        await server.SeesAsync(s => s.Told.Count(t => t == "result start ready") > ready, "ready");
        server.Queue(step);
        var made = new FileInfo(Path.Combine(agent.Witness, mark));
        using (var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken))
        {
            patience.CancelAfter(Limit);
            while (!made.Exists || made.Length < marks)
            {
                await Task.Delay(Pause, patience.Token);
                made.Refresh();
            }
        }

        await agent.KillAsync();
        Assert.Empty(await auditor.RunningAfterAsync(Limit));
        Assert.NotEmpty(Spools(agent));
        Assert.Empty(FilesWithTheSecret(agent));
        made.Refresh();
        return (step.Id, (int)made.Length);
    }

    // Before it has greeted, a claim of the dead one may still be open, which would get the work.
    private async Task StartAsync(AgentProcess agent)
    {
        var greeted = server.Told.Count(t => t == "hello");
        agent.Start();
        await server.SeesAsync(s => s.Told.Count(t => t == "hello") > greeted, "a greeting");
    }

    // The second process takes up what the first one left, cannot tell it, and is killed too.
    private async Task KillWhileItTellsAsync(AgentProcess agent)
    {
        var calls = server.Calls.Count(c => c == "log");
        server.Fault = c => c == "log" ? HttpStatusCode.ServiceUnavailable : null;
        agent.Start();
        await server.SeesAsync(s => s.Calls.Count(c => c == "log") > calls, "a try to upload");
        await agent.KillAsync();
        server.Fault = _ => null;
    }

    // The piece after the last mark may have been written, in part or in whole.
    private static void AssertIsWhatWasWritten(Writer writer, int marks, string written)
    {
        const string Beginning = "private\n********\n";
        Assert.StartsWith(Beginning, written, StringComparison.Ordinal);
        Assert.InRange(written.Length - Beginning.Length, writer.Pieces(marks).Length, writer.Pieces(marks + 1).Length);
        Assert.StartsWith(written[Beginning.Length..], writer.Pieces(marks + 1), StringComparison.Ordinal);
    }

    private static (string Written, string Said) Parts(string text) => text.IndexOf('#', StringComparison.Ordinal) is var at and >= 0 ? (text[..at], text[at..]) : (text, "");

    private static string[] Spools(AgentProcess agent) => Directory.GetFiles(agent.Work, "spool", SearchOption.AllDirectories);

    private List<string> FilesWithTheSecret(AgentProcess agent)
    {
        var text = Encoding.UTF8.GetBytes(secret);
        return [.. Directory.GetFiles(agent.Work, "*", SearchOption.AllDirectories).Where(f => File.ReadAllBytes(f).AsSpan().IndexOf(text) >= 0)];
    }

    [GeneratedRegex("^#([0-9]+) more bytes were written", RegexOptions.Multiline)]
    private static partial Regex Missing();

    /// <summary>A step that writes piece after piece.</summary>
    /// <param name="Command">Writes piece number <c>$i</c>.</param>
    /// <param name="Piece">That piece.</param>
    private sealed record Writer(string Command, Func<int, string> Piece)
    {
        public string Pieces(int count) => string.Concat(Enumerable.Range(0, count).Select(Piece));
    }
}
