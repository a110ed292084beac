using BuildRunner.Core.Runs;
using BuildRunner.Server.Forge.Checks;
using BuildRunner.Server.Triggers;
using CsCheck;

namespace BuildRunner.Server.Tests.Forge.Checks;

public sealed class CheckPlanTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly CheckStage.Completed Ended = new(CheckVerdict.Success, Start);
    private DateTimeOffset now = Start;
    private ReportedCheck reported = ReportedCheck.Nothing;

    [Fact]
    public void A_check_is_made_changed_and_completed()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, new CheckStage.Queued()));
        Report(forge, Desired(2, new CheckStage.InProgress()));
        Report(forge, Desired(3, Ended, 3));
        var check = Assert.Single(forge.Checks);
        Assert.Equal(Ended, check.Stage);
        Assert.Equal(3, check.Annotations.Count);
        Assert.True(reported.Completed);
        Assert.Equal(3, forge.Requests);
    }

    [Fact]
    public void What_is_overtaken_is_never_sent()
    {
        var forge = new ModelForge();
        Report(forge, Desired(9, Ended));
        Assert.Equal(1, forge.Requests);
        Assert.IsType<CheckRequest.Nothing>(CheckPlan.Next(Desired(9, Ended), reported, now));
    }

    [Fact]
    public void Changes_on_the_way_wait_for_each_other_but_the_end_does_not()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, new CheckStage.Queued()));
        Assert.IsType<CheckRequest.Wait>(CheckPlan.Next(Desired(2, new CheckStage.InProgress()), reported, now));
        Assert.IsType<CheckRequest.Update>(CheckPlan.Next(Desired(2, Ended), reported, now));
        Assert.IsType<CheckRequest.Update>(CheckPlan.Next(Desired(2, new CheckStage.InProgress()), reported, now + CheckPlan.Coalescing));
    }

    [Fact]
    public void Annotations_go_fifty_at_a_time_and_the_verdict_with_the_first()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, Ended, 120), Fate.Works, requests: 1);
        Assert.Equal((50, Ended), (forge.Checks[0].Annotations.Count, forge.Checks[0].Stage));
        Report(forge, Desired(1, Ended, 120));
        Assert.Equal(Desired(1, Ended, 120).Annotations, forge.Checks[0].Annotations);
        Assert.Equal(3, forge.Requests);
    }

    [Fact]
    public void A_create_that_broke_off_after_it_was_done_is_found_again()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, new CheckStage.Queued()), Fate.BreaksAfter, requests: 1);
        Assert.True(reported.MayExist);
        Report(forge, Desired(2, Ended, 2));
        Assert.Equal(2, Assert.Single(forge.Checks).Annotations.Count);
    }

    [Fact]
    public void A_create_that_broke_off_before_it_was_done_is_done_again_after_looking_twice()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, Ended), Fate.BreaksBefore, requests: 1);
        Report(forge, Desired(1, Ended));
        Assert.Single(forge.Checks);
        Assert.Equal(4, forge.Requests);
    }

    [Fact]
    public void An_update_that_broke_off_does_not_double_annotations()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, new CheckStage.Queued()));
        Report(forge, Desired(2, Ended, 70), Fate.BreaksAfter, requests: 1);
        Report(forge, Desired(2, Ended, 70));
        Assert.Equal(Desired(2, Ended, 70).Annotations, forge.Checks[0].Annotations);
    }

    [Fact]
    public void A_limit_is_waited_for()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, Ended), Fate.Limits, requests: 1);
        Assert.Equal(new CheckRequest.Wait(now.AddSeconds(60)), CheckPlan.Next(Desired(1, Ended), reported, now));
    }

    [Fact]
    public void A_check_that_the_forge_has_lost_is_made_once_more()
    {
        var forge = new ModelForge();
        Report(forge, Desired(1, new CheckStage.Queued()));
        forge.Forget();
        Report(forge, Desired(2, Ended, 2));
        Assert.Equal(Ended, Assert.Single(forge.Checks).Stage);
        forge.Forget();
        Report(forge, Desired(3, Ended, 2));
        Assert.NotNull(reported.GaveUp);
    }

    [Fact]
    public void Without_the_permission_for_checks_there_is_a_commit_status()
    {
        var forge = new ModelForge { ForbidsChecks = true };
        Report(forge, Desired(1, Ended));
        Assert.Equal("final", forge.Status);
        Assert.Null(reported.GaveUp);
    }

    [Fact]
    public void Without_any_permission_it_gives_up_and_says_why()
    {
        var forge = new ModelForge { ForbidsChecks = true, ForbidsStatuses = true };
        Report(forge, Desired(1, Ended));
        Assert.Contains("permitted", reported.GaveUp);
        Assert.IsType<CheckRequest.Nothing>(CheckPlan.Next(Desired(2, Ended), reported, now));
    }

    [Fact]
    public void What_the_forge_refuses_is_left_out_the_verdict_is_not()
    {
        var forge = new ModelForge { RefusesAnnotations = true };
        Report(forge, Desired(1, Ended, 5));
        Assert.Equal(Ended, Assert.Single(forge.Checks).Stage);
        Assert.Equal(ReportDetail.NoAnnotations, reported.Detail);
    }

    [Fact]
    public void Whatever_breaks_the_forge_ends_with_one_check_in_the_final_state_and_every_annotation_once() =>
        Gen.Select(Gen.Enum<Fate>().Array[0, 60], Gen.Int[1, 6], Gen.Int[0, 130]).Sample((fates, revisions, annotations) =>
        {
            var forge = new ModelForge();
            var (time, known, next) = (Start, ReportedCheck.Nothing, 0);
            for (var revision = 1; revision <= revisions; revision++)
            {
                var last = revision == revisions;
                var desired = Desired(revision, last ? Ended : new CheckStage.InProgress(), last ? annotations : annotations / 2);
                for (var turn = 0; turn < (last ? 1000 : 5); turn++, time = time.AddSeconds(1))
                {
                    var request = CheckPlan.Next(desired, known, time);
                    if (request is CheckRequest.Nothing)
                        break;
                    if (request is CheckRequest.Wait wait)
                    {
                        time = last ? wait.Until : time;
                        continue;
                    }
                    var fate = next < fates.Length ? fates[next++] : Fate.Works;
                    known = CheckPlan.After(desired, known, request, forge.Answer(desired, request, fate, time), time);
                }
            }
            var check = Assert.Single(forge.Checks);
            Assert.Equal(Ended, check.Stage);
            Assert.Equal(Desired(1, Ended, annotations).Annotations, check.Annotations);
        }, iter: 2000);

    private void Report(ModelForge forge, DesiredCheck desired, Fate fate = Fate.Works, int requests = 100)
    {
        for (; requests > 0; requests--)
        {
            var request = CheckPlan.Next(desired, reported, now);
            while (request is CheckRequest.Wait wait)
            {
                now = wait.Until;
                request = CheckPlan.Next(desired, reported, now);
            }
            if (request is CheckRequest.Nothing)
                return;
            reported = CheckPlan.After(desired, reported, request, forge.Answer(desired, request, fate, now), now);
        }
    }

    private static DesiredCheck Desired(long revision, CheckStage stage, int annotations = 0) => new()
    {
        Key = new CheckKey(new RunId(Guid.Empty), "build"),
        Name = "build",
        Commit = "1111111111111111111111111111111111111111",
        Revision = revision,
        Stage = stage,
        Details = new("https://ci.example/runs/1"),
        Title = "title",
        Summary = "summary",
        Annotations = [.. Enumerable.Range(1, annotations).Select(line => new CheckAnnotation("a.cs", line, line, AnnotationLevel.Failure, "wrong"))],
    };
}
