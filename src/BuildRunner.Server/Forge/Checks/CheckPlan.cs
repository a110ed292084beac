namespace BuildRunner.Server.Forge.Checks;

/// <summary>
/// Brings a check at the forge to what it shall show, whatever is answered: what to send next, and what is then known. Pure. Promise G11: the forge ends up
/// with the final state, and there is one check for each key.
/// </summary>
internal static class CheckPlan
{
    /// <summary>Between two changes of a check that goes on.</summary>
    public static readonly TimeSpan Coalescing = TimeSpan.FromSeconds(5);

    /// <summary>What to do now.</summary>
    public static CheckRequest Next(DesiredCheck desired, ReportedCheck reported, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(desired);
        ArgumentNullException.ThrowIfNull(reported);
        if (reported.GaveUp is not null || IsReached(desired, reported))
            return new CheckRequest.Nothing();
        if (reported.NotBefore > now)
            return new CheckRequest.Wait(reported.NotBefore);
        if (reported.Mode == ReportMode.Check && reported.Id is null && reported.MayExist)
            return new CheckRequest.Find();
        if (reported is { Id: { } unsure, AnnotationsUnsure: true })
            return new CheckRequest.Count(unsure);
        // The end is told at once; what is only on the way can wait for what comes next.
        if (reported.SentAt + Coalescing is { } earliest && earliest > now && desired.Stage is not CheckStage.Completed)
            return new CheckRequest.Wait(earliest);
        if (reported.Mode == ReportMode.Status)
            return new CheckRequest.SetStatus();
        var annotations = desired.Annotations.Take(Wanted(desired, reported.Detail)).Skip(reported.Annotations).Take(CheckLimits.Annotations).ToList();
        return reported.Id is { } id ? new CheckRequest.Update(id, reported.Detail, annotations) : new CheckRequest.Create(reported.Detail, annotations);
    }

    /// <summary>What is known after an answer.</summary>
    /// <param name="desired">What <paramref name="request"/> was made from.</param>
    /// <param name="reported">What was known before it was sent.</param>
    /// <param name="request">What was sent.</param>
    /// <param name="answer">How it was answered.</param>
    /// <param name="now">The time.</param>
    public static ReportedCheck After(DesiredCheck desired, ReportedCheck reported, CheckRequest request, CheckAnswer answer, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(desired);
        ArgumentNullException.ThrowIfNull(reported);
        return answer switch
        {
            CheckAnswer.Done done => AfterDone(desired, reported, request, done, now),
            CheckAnswer.Limited limited => reported with { NotBefore = limited.Until },
            CheckAnswer.Unanswered => Failed(reported, now) with
            {
                MayExist = reported.MayExist || request is CheckRequest.Create,
                Misses = request is CheckRequest.Create ? 0 : reported.Misses,
                AnnotationsUnsure = reported.AnnotationsUnsure || request is CheckRequest.Update { Annotations.Count: > 0 },
            },
            CheckAnswer.Unauthorized => Failed(reported, now),
            CheckAnswer.Forbidden forbidden => NotPermitted(reported, forbidden.Why),
            CheckAnswer.NotFound => AfterNotFound(reported, request),
            CheckAnswer.Refused refused => AfterRefused(reported, request, refused.Why),
            _ => throw new InvalidOperationException($"unknown answer {answer}"),
        };
    }

    private static bool IsReached(DesiredCheck desired, ReportedCheck reported) =>
        reported.Revision == desired.Revision
        && (reported.Mode == ReportMode.Status || (reported is { Id: not null, AnnotationsUnsure: false } && reported.Annotations >= Wanted(desired, reported.Detail)));

    private static int Wanted(DesiredCheck desired, ReportDetail detail) => detail == ReportDetail.Everything ? desired.Annotations.Count : 0;

    private static ReportedCheck AfterDone(DesiredCheck desired, ReportedCheck reported, CheckRequest request, CheckAnswer.Done done, DateTimeOffset now)
    {
        var sent = reported with
        {
            Revision = desired.Revision,
            Completed = desired.Stage is CheckStage.Completed,
            SentAt = now,
            Failures = 0,
        };
        return request switch
        {
            CheckRequest.Create create => sent with { Id = done.Id, MayExist = false, Misses = 0, Annotations = create.Annotations.Count },
            CheckRequest.Update update => sent with { Annotations = reported.Annotations + update.Annotations.Count },
            CheckRequest.SetStatus => sent,
            CheckRequest.Count => reported with { Annotations = done.Annotations, AnnotationsUnsure = false, Failures = 0 },
            CheckRequest.Find when done.Id is { } id => reported with { Id = id, MayExist = false, Misses = 0, Annotations = done.Annotations, Failures = 0 },
            CheckRequest.Find => AfterMiss(reported, now),
            _ => reported,
        };
    }

    // The forge's lists lag behind what was made: one miss proves nothing.
    private static ReportedCheck AfterMiss(ReportedCheck reported, DateTimeOffset now) => reported.Misses == 0
        ? reported with { Misses = 1, NotBefore = now + TimeSpan.FromSeconds(10), Failures = 0 }
        : reported with { MayExist = false, Misses = 0, Failures = 0 };

    private static ReportedCheck AfterNotFound(ReportedCheck reported, CheckRequest request) => request switch
    {
        CheckRequest.Update or CheckRequest.Count when reported.Remade == 0 =>
            reported with { Id = null, MayExist = false, Revision = 0, Annotations = 0, AnnotationsUnsure = false, Remade = 1 },
        CheckRequest.Update or CheckRequest.Count => reported with { GaveUp = "the forge says that there is no such check, although it was made twice" },
        CheckRequest.Find => reported with { MayExist = false },
        // Without the right to see a thing, GitHub says that there is none.
        _ => NotPermitted(reported, "the forge says that there is no such repository, or shows it to others only"),
    };

    private static ReportedCheck NotPermitted(ReportedCheck reported, string why) => reported.Mode == ReportMode.Check
        ? reported with { Mode = ReportMode.Status, Revision = 0, SentAt = null, Failures = 0 }
        : reported with { GaveUp = $"neither checks nor commit statuses are permitted: {why}" };

    private static ReportedCheck AfterRefused(ReportedCheck reported, CheckRequest request, string why) => request switch
    {
        CheckRequest.Find => reported with { MayExist = false },
        CheckRequest.Create or CheckRequest.Update when reported.Detail < ReportDetail.VerdictOnly => reported with { Detail = reported.Detail + 1 },
        _ => reported with { GaveUp = $"the forge does not take it: {why}" },
    };

    private static ReportedCheck Failed(ReportedCheck reported, DateTimeOffset now) => reported with
    {
        Failures = reported.Failures + 1,
        NotBefore = now + TimeSpan.FromSeconds(Math.Min(5 * Math.Pow(2, Math.Min(reported.Failures, 10)), 300)),
    };
}
