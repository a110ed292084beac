using BuildRunner.Core.ApiContract;

namespace BuildRunner.Server.Pages;

/// <summary>A list of runs on a page.</summary>
/// <param name="On">The page.</param>
/// <param name="Runs">The runs, as they are shown.</param>
public sealed record RunList(SitePage On, IReadOnlyList<RunSummary> Runs);
