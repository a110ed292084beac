using System.Text;
using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using CsCheck;

namespace BuildRunner.Core.Tests.AgentContract;

public sealed class Messages_on_the_wire
{
    [Fact]
    public void Claimed_work_comes_through_whole()
    {
        var step = new StepPlan
        {
            Name = "build",
            Kind = StepKind.Commands,
            Image = "busybox",
            Location = new SourceLocation("ci.yml", 3, 5),
            Commands = ["make"],
            Environment = new Dictionary<string, PlanValue> { ["A"] = new PlanValue.Literal("1"), ["B"] = new PlanValue.Secret("token") },
            AllowedExitCodes = new HashSet<int> { 3 },
            Timeout = TimeSpan.FromMinutes(3),
        };
        var work = new WorkItem
        {
            Id = new WorkId(Guid.CreateVersion7()),
            Fence = 7,
            Run = new RunId(Guid.CreateVersion7()),
            RunName = "acme/shop#12",
            RunCreatedAt = DateTimeOffset.UnixEpoch,
            Workflow = "ci",
            Start = new WorkId(Guid.CreateVersion7()),
            Task = new WorkTask.Step
            {
                Plan = step,
                Attempt = 2,
                Status = WorkflowStatus.Failure,
                Outputs = new Dictionary<string, IReadOnlyDictionary<string, string>> { ["x"] = new Dictionary<string, string> { ["k"] = "v" } },
                Grants = WorkGrants.None,
            },
        };

        var read = Through(new ClaimResponse { Work = [work], Stops = [new StopOrder(work.Id, new StopReason.TimeUp(TimeSpan.FromHours(1)))] });

        var item = Assert.Single(read.Work);
        var task = Assert.IsType<WorkTask.Step>(item.Task);
        Assert.Equal((work.Id, 7, "acme/shop#12"), (item.Id, item.Fence, item.RunName));
        Assert.Equal("v", task.Outputs["x"]["k"]);
        Assert.Equal(new PlanValue.Secret("token"), task.Plan.Environment["B"]);
        Assert.Contains(3, task.Plan.AllowedExitCodes);
        Assert.Equal(new StopReason.TimeUp(TimeSpan.FromHours(1)), Assert.Single(read.Stops).Reason);
    }

    [Fact]
    public void A_result_comes_through_whole()
    {
        var report = new StepReport { Outcome = new Outcome.Failure(new FailureReason.OomKilled(1024) { DiskLimitBytes = 2048 }), Image = "busybox@sha256:00" };
        var read = Through(new ResultRequest { Fence = 3, Result = new WorkResult.Ended(report) });
        Assert.Equal(report.Outcome, Assert.IsType<WorkResult.Ended>(read.Result).Report.Outcome);
    }

    [Theory]
    [InlineData("""{"fence":1,"result":{"is":"exploded"}}""")]
    [InlineData("""{"result":{"is":"ready"}}""")]
    [InlineData("""{"fence":"x"}""")]
    [InlineData("[]")]
    public void What_is_not_a_message_is_an_error_of_JSON(string text) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(text, AgentContractJson.Default.ResultRequest));

    [Fact]
    public void Frames_give_back_what_was_written_wherever_they_are_cut() =>
        Gen.Select(Gen.Enum<LogStream>(), Gen.Bool, Gen.Byte.Array[0, 200], Gen.Long[0, 4_000_000_000_000]).Array[0, 20].Sample(lines =>
        {
            var frames = lines.Select(l => new LogFrame(l.Item1, DateTimeOffset.FromUnixTimeMilliseconds(l.Item4), l.Item2, l.Item3)).ToList();
            var bytes = new byte[frames.Sum(f => f.Size)];
            var at = 0;
            frames.ForEach(f => at += f.Write(bytes.AsSpan(at)));

            var rest = bytes.AsMemory();
            foreach (var frame in frames)
            {
                Assert.False(LogFrame.TryRead(rest[..(frame.Size - 1)], out _));
                Assert.True(LogFrame.TryRead(rest, out var read));
                Assert.Equal((frame.Stream, frame.At, frame.Unterminated), (read.Stream, read.At, read.Unterminated));
                Assert.True(frame.Text.Span.SequenceEqual(read.Text.Span));
                rest = rest[read.Size..];
            }

            Assert.True(rest.IsEmpty);
        });

    [Fact]
    public void Bytes_that_are_no_frame_are_told_apart() =>
        Assert.Throws<InvalidDataException>(() => LogFrame.TryRead(Encoding.UTF8.GetBytes("plain text instead of a frame"), out _));

    private static T Through<T>(T message)
    {
        var type = AgentContractJson.Default.GetTypeInfo(typeof(T))!;
        return (T)JsonSerializer.Deserialize(JsonSerializer.Serialize(message, type), type)!;
    }
}
