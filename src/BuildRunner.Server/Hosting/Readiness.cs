using System.Text;
using BuildRunner.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Server.Hosting;

/// <summary>One thing that the server needs, and how to ask for it.</summary>
/// <param name="Name">One word.</param>
/// <param name="Essential">True: without it the server cannot serve. False: it serves, somewhat worse.</param>
/// <param name="Problem">What is wrong, as a clause that names no secret; null if nothing is. May throw.</param>
public sealed record ReadinessProbe(string Name, bool Essential, Func<CancellationToken, Task<string?>> Problem);

/// <summary>Whether the server can serve now.</summary>
internal sealed class Readiness(Database database, IEnumerable<ReadinessProbe> others)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>The answer of <c>/readyz</c>: 200 or 503; the first line says which, the others what is wrong.</summary>
    public async Task<IResult> AnswerAsync(CancellationToken stop)
    {
        ReadinessProbe[] probes = [new("database", Essential: true, DatabaseProblemAsync), .. others];
        var found = await Task.WhenAll(probes.Select(async probe => (probe, Problem: await AskAsync(probe, stop))));
        var ready = !found.Any(f => f.probe.Essential && f.Problem is not null);
        var text = new StringBuilder(ready ? "ready\n" : "not ready\n");
        foreach (var (probe, problem) in found.Where(f => f.Problem is not null))
        {
            text.Append(probe.Name).Append(": ").Append(problem).Append('\n');
        }

        return TypedResults.Text(text.ToString(), statusCode: ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<string?> AskAsync(ReadinessProbe probe, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        try
        {
            return await probe.Problem(patience.Token);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            // Whatever it is, the answer is the same: not now.
            return $"does not answer ({e.GetType().Name})";
        }
    }

    private async Task<string?> DatabaseProblemAsync(CancellationToken stop) =>
        (await database.PendingAsync(stop)).Count > 0 ? $"{database.Name} is not at this version; run: buildrunner db migrate" : null;
}
