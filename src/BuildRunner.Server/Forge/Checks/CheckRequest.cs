namespace BuildRunner.Server.Forge.Checks;

/// <summary>What to do next about a check. A closed hierarchy.</summary>
internal abstract record CheckRequest
{
    private CheckRequest()
    {
    }

    /// <summary>Nothing: the forge shows what it shall.</summary>
    public sealed record Nothing : CheckRequest;

    /// <summary>Nothing before that moment.</summary>
    public sealed record Wait(DateTimeOffset Until) : CheckRequest;

    /// <summary>Look for our own check of this commit, by its external id.</summary>
    public sealed record Find : CheckRequest;

    /// <summary>Make it.</summary>
    /// <param name="Detail">How much to tell.</param>
    /// <param name="Annotations">Those to send along.</param>
    public sealed record Create(ReportDetail Detail, IReadOnlyList<CheckAnnotation> Annotations) : CheckRequest;

    /// <summary>Change it. The annotations are added to those that are there.</summary>
    /// <param name="Id">The forge's number.</param>
    /// <param name="Detail">How much to tell.</param>
    /// <param name="Annotations">Those to add.</param>
    public sealed record Update(long Id, ReportDetail Detail, IReadOnlyList<CheckAnnotation> Annotations) : CheckRequest;

    /// <summary>Ask how many annotations it has.</summary>
    /// <param name="Id">The forge's number.</param>
    public sealed record Count(long Id) : CheckRequest;

    /// <summary>Set a commit status.</summary>
    public sealed record SetStatus : CheckRequest;
}

/// <summary>What the forge answered. A closed hierarchy.</summary>
internal abstract record CheckAnswer
{
    private CheckAnswer()
    {
    }

    /// <summary>Done.</summary>
    /// <param name="Id">The number of the check that was made or found; null: none was found, or it has none.</param>
    /// <param name="Annotations">How many annotations it has, if that was asked.</param>
    public sealed record Done(long? Id = null, int Annotations = 0) : CheckAnswer;

    /// <summary>Too many requests; nothing was done. Holds for everything that is sent with the same credential.</summary>
    public sealed record Limited(DateTimeOffset Until) : CheckAnswer;

    /// <summary>No answer, or one that does not tell whether it was done.</summary>
    public sealed record Unanswered(string Why) : CheckAnswer;

    /// <summary>The credential does not count; nothing was done.</summary>
    public sealed record Unauthorized : CheckAnswer;

    /// <summary>Not permitted; nothing was done.</summary>
    public sealed record Forbidden(string Why) : CheckAnswer;

    /// <summary>There is no such thing; nothing was done.</summary>
    public sealed record NotFound : CheckAnswer;

    /// <summary>The forge does not take what was sent; nothing was done.</summary>
    public sealed record Refused(string Why) : CheckAnswer;
}
