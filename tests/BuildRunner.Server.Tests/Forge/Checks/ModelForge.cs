using BuildRunner.Server.Forge.Checks;

namespace BuildRunner.Server.Tests.Forge.Checks;

/// <summary>What a forge may do to a request.</summary>
public enum Fate
{
    Works,
    BreaksBefore,
    BreaksAfter,
    Limits,
    Unauthorized,
}

/// <summary>A model of GitHub's checks in memory, for the rules alone: it appends annotations, and its lists lag behind.</summary>
internal sealed class ModelForge
{
    private readonly List<Check> checks = [];

    public IReadOnlyList<Check> Checks => checks;

    public int Requests { get; private set; }

    public bool ForbidsChecks { get; init; }

    public bool ForbidsStatuses { get; init; }

    public bool RefusesAnnotations { get; init; }

    public string? Status { get; private set; }

    public void Forget() => checks.Clear();

    public CheckAnswer Answer(DesiredCheck desired, CheckRequest request, Fate fate, DateTimeOffset now)
    {
        Requests++;
        return fate switch
        {
            Fate.BreaksBefore => new CheckAnswer.Unanswered("502"),
            Fate.Limits => new CheckAnswer.Limited(now.AddSeconds(60)),
            Fate.Unauthorized => new CheckAnswer.Unauthorized(),
            Fate.BreaksAfter when Do(desired, request, now) is not null => new CheckAnswer.Unanswered("502"),
            _ => Do(desired, request, now),
        };
    }

    private CheckAnswer Do(DesiredCheck desired, CheckRequest request, DateTimeOffset now)
    {
        switch (request)
        {
            case CheckRequest.SetStatus:
                Status = desired.Stage is CheckStage.Completed ? "final" : "pending";
                return ForbidsStatuses ? new CheckAnswer.Forbidden("no") : new CheckAnswer.Done();
            case not null when ForbidsChecks:
                return new CheckAnswer.Forbidden("no");
            case CheckRequest.Create create:
                if (RefusesAnnotations && create.Annotations.Count > 0)
                    return new CheckAnswer.Refused("annotations");
                checks.Add(new(checks.Count + 1, now) { Stage = desired.Stage, Annotations = [.. create.Annotations] });
                return new CheckAnswer.Done(checks.Count);
            case CheckRequest.Update update:
                if (checks.FirstOrDefault(check => check.Id == update.Id) is not { } changed)
                    return new CheckAnswer.NotFound();
                if (RefusesAnnotations && update.Annotations.Count > 0)
                    return new CheckAnswer.Refused("annotations");
                changed.Stage = desired.Stage;
                changed.Annotations.AddRange(update.Annotations);
                return new CheckAnswer.Done(update.Id);
            case CheckRequest.Count count:
                return checks.FirstOrDefault(check => check.Id == count.Id) is { } counted ? new CheckAnswer.Done(count.Id, counted.Annotations.Count) : new CheckAnswer.NotFound();
            default:
                var found = checks.FirstOrDefault(check => now - check.MadeAt > TimeSpan.FromSeconds(8));
                return new CheckAnswer.Done(found?.Id, found?.Annotations.Count ?? 0);
        }
    }

    internal sealed record Check(long Id, DateTimeOffset MadeAt)
    {
        public required CheckStage Stage { get; set; }

        public required List<CheckAnnotation> Annotations { get; init; }
    }
}
