using System.Globalization;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Access;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BuildRunner.Server.Api;

/// <summary>Runs: to start, list, look at, follow, cancel, repeat, and to answer for.</summary>
internal static class RunApi
{
    public static void MapRunApi(this IEndpointRouteBuilder routes)
    {
        routes.Read(ApiRoutes.Runs, Scopes.Read, j => j.RunPage, ListAsync);
        routes.Do(HttpMethods.Post, ApiRoutes.RunsOfRepository, Scopes.Run, j => j.StartRun, j => j.RunSummary, StartAsync);
        routes.Read(ApiRoutes.Run, Scopes.Read, j => j.RunDetails, async call => await DetailsAsync(call, (await RunAsync(call)).Id));
        routes.Read(ApiRoutes.RunById, Scopes.Read, j => j.RunDetails, call => DetailsAsync(call, Guid.TryParseExact(call.Route("id"), "N", out var id) ? id : Guid.Empty));
        routes.Stream(ApiRoutes.RunPlan, Scopes.Read, "application/json", PlanAsync);
        routes.Stream(ApiRoutes.RunEvents, Scopes.Read, "text/event-stream", async call => new RunEventStream(call, (await RunAsync(call)).Id));
        routes.Do(HttpMethods.Post, ApiRoutes.Cancel, Scopes.Run, j => j.CancelRun, j => j.RunDetails, CancelAsync);
        routes.Do(HttpMethods.Post, ApiRoutes.Rerun, Scopes.Run, j => j.RerunRun, j => j.RunSummary, RerunAsync);
        routes.Do(HttpMethods.Post, ApiRoutes.Approve, Scopes.Approve, j => j.DecideRun, j => j.RunDetails, (call, wanted) => DecideAsync(call, wanted, approved: true));
        routes.Do(HttpMethods.Post, ApiRoutes.Decline, Scopes.Approve, j => j.DecideRun, j => j.RunDetails, (call, wanted) => DecideAsync(call, wanted, approved: false));
    }

    /// <summary>The run that the address names.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public static async Task<RunRow> RunAsync(ApiCall call)
    {
        var text = call.Route("number");
        int? number = null;
        if (text != "latest")
        {
            number = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : throw ApiException.NotFound($"'{text}' is no number of a run");
        }

        return await call.Get<RunViews>().FindAsync(call.Repository, number, (int?)call.Number("attempt", 1, int.MaxValue), call.Stop)
            ?? throw ApiException.NotFound($"there is no run {call.Repository}#{text}{(call.Query("attempt") is { } attempt ? $", attempt {attempt}" : "")}");
    }

    /// <summary>A run, whole.</summary>
    public static async Task<RunDetails> DetailsAsync(ApiCall call, Guid id) =>
        await call.Get<RunViews>().DetailsAsync(id, call.Stop) ?? throw ApiException.NotFound("there is no such run");

    private static Task<RunPage> ListAsync(ApiCall call)
    {
        var state = call.Query("state");
        if (state is not null && !RunStates.Open.Contains(state) && !RunStates.Ended.Contains(state))
        {
            throw ApiException.Request($"'state' is one of {string.Join(", ", RunStates.Open.Concat(RunStates.Ended))}");
        }

        var before = call.Query("before");
        return call.Get<RunViews>().ListAsync(
            new RunFilter
            {
                Repository = call.Query("repo"),
                Branch = call.Query("branch"),
                State = state,
                Event = call.Query("event"),
                Limit = (int)(call.Number("limit", 1, 200) ?? 30),
                Before = before is null ? null : Guid.TryParseExact(before, "N", out var id) ? id : throw ApiException.Request("'before' is what 'next' of the last answer was"),
            },
            call.Stop);
    }

    private static async Task<(int Status, RunSummary Answer)> StartAsync(ApiCall call, StartRun wanted)
    {
        var repository = await RepositoryApi.FindAsync(call);
        var stored = await call.Get<RunStarter>().StartAsync(repository, WantedRuns.Of(call, wanted), call.Stop);
        call.Get<QueueView>().Forget();
        var summary = await call.Get<RunViews>().StartedAsync(stored.Id, call.Stop);
        return (stored.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK, summary!);
    }

    private static async Task<IResult> PlanAsync(ApiCall call)
    {
        var run = await RunAsync(call);
        return await call.Get<RunViews>().PlanAsync(run.Id, call.Stop) is { } plan
            ? TypedResults.Text(PlanJson.Write(plan), "application/json")
            : throw ApiException.NotFound("the run has no plan: its files have errors");
    }

    private static async Task<(int Status, RunDetails Answer)> CancelAsync(ApiCall call, CancelRun wanted)
    {
        var run = await RunAsync(call);
        var why = $"cancelled by {call.Who}{(wanted.Why is { Length: > 0 } said ? $": {Line(said)}" : "")}";
        return await call.Get<RunRegister>().CancelAsync(run.Id, why, call.Stop) is { } refusal
            ? throw ApiException.State(refusal)
            : (StatusCodes.Status200OK, await DetailsAsync(call, run.Id));
    }

    private static async Task<(int Status, RunSummary Answer)> RerunAsync(ApiCall call, RerunRun wanted)
    {
        var run = await RunAsync(call);
        if (wanted is { FailedOnly: true, Workflow: not null })
        {
            throw ApiException.Request("either 'failedOnly' or 'workflow'");
        }

        RerunWhat what = wanted.FailedOnly ? new RerunWhat.Failed() : wanted.Workflow is { } workflow ? new RerunWhat.Workflow(workflow) : new RerunWhat.All();
        var (again, refusal) = await call.Get<RunRegister>().RerunAsync(run.Id, what, call.Who, call.Stop);
        return again is { } id ? (StatusCodes.Status201Created, (await call.Get<RunViews>().StartedAsync(id, call.Stop))!) : throw ApiException.State(refusal!);
    }

    private static async Task<(int Status, RunDetails Answer)> DecideAsync(ApiCall call, DecideRun wanted, bool approved)
    {
        var run = await RunAsync(call);
        return await call.Get<RunRegister>().DecideAsync(run.Id, wanted.Commit, approved, call.Who, call.Stop) is { } refusal
            ? throw ApiException.State(refusal)
            : (StatusCodes.Status200OK, await DetailsAsync(call, run.Id));
    }

    private static string Line(string text) => new([.. text.Where(c => !char.IsControl(c)).Take(200)]);
}
