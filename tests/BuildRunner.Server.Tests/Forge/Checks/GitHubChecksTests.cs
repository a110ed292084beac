using System.Text.Json.Nodes;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Forge.Checks;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.Server.Tests.Forge.Checks;

/// <summary>The reporter's whole way: rules, Octokit, the wire, and an emulator as a witness.</summary>
public sealed class GitHubChecksTests(GitHubEmulator github) : IClassFixture<GitHubEmulator>
{
    private const string CheckRuns = "/repos/{owner}/{repo}/check-runs";
    private static readonly DateTimeOffset At = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_check_is_made_goes_on_and_ends_at_GitHub()
    {
        await using var front = await FrontAsync();
        var (desired, reported) = (await DesiredAsync(), ReportedCheck.Nothing);
        reported = await ReportAsync(front, desired with { Stage = new CheckStage.Queued() }, reported);
        Assert.Equal("queued", (string?)(await CheckAsync(desired))["status"]);
        reported = await ReportAsync(front, desired with { Revision = 2, Stage = new CheckStage.InProgress(), StartedAt = At }, reported);
        Assert.Equal("in_progress", (string?)(await CheckAsync(desired))["status"]);
        await ReportAsync(front, desired with { Revision = 3, StartedAt = At, Annotations = [Annotation(1), Annotation(2)] }, reported);
        var check = await CheckAsync(desired);
        Assert.Equal(("completed", "failure", desired.Key.ToString(), 2), ((string?)check["status"], (string?)check["conclusion"], (string?)check["external_id"], (int)check["output"]!["annotations_count"]!));
        Assert.Equal(desired.Summary, (string?)check["output"]!["summary"]);
        Assert.Equal(desired.Details.AbsoluteUri, (string?)check["details_url"]);
    }

    [Fact]
    public async Task What_is_sent_is_as_GitHub_describes_it()
    {
        await using var front = await FrontAsync();
        var desired = await DesiredAsync() with { StartedAt = At, Annotations = [Annotation(1) with { Title = "A title" }], Buttons = [new("rerun_failed", "Rerun", "Runs again")] };
        var reported = await ReportAsync(front, desired with { Stage = new CheckStage.InProgress(), Annotations = [] }, ReportedCheck.Nothing);
        await ReportAsync(front, desired with { Revision = 2 }, reported);
        front.Troubles = request => request.Path.Value!.Contains("/check-runs", StringComparison.Ordinal) ? Trouble.Forbidden : Trouble.None;
        var place = await github.PlaceAsync();
        Assert.IsType<CheckAnswer.Forbidden>(await new Parts(github.Options(front.Address)).Checks.SendAsync(place, desired, new CheckRequest.Create(ReportDetail.Everything, []), TestContext.Current.CancellationToken));

        foreach (var seen in front.Requests.Where(seen => seen.Path.Contains("/check-runs", StringComparison.Ordinal) && seen.Method is "POST" or "PATCH"))
        {
            var (method, path) = seen.Method == "PATCH" ? ("patch", CheckRuns + "/{check_run_id}") : ("post", CheckRuns);
            Assert.Empty(await OpenApi.ProblemsAsync(method, path, seen.Body));
            var body = JsonNode.Parse(seen.Body)!.AsObject();
            Assert.Subset(OpenApi.Names(method, path).ToHashSet(), body.Select(pair => pair.Key).ToHashSet());
            Assert.Subset(OpenApi.Names(method, path, "output").ToHashSet(), body["output"]!.AsObject().Select(pair => pair.Key).ToHashSet());
        }
    }

    [Theory]
    [InlineData("""{"head_sha": "1"}""")]
    [InlineData("""{"name": "x", "head_sha": "1", "status": "done"}""")]
    [InlineData("""{"name": "x", "head_sha": "1", "output": {"title": "x"}}""")]
    public async Task The_description_tells_right_from_wrong(string body) => Assert.NotEmpty(await OpenApi.ProblemsAsync("post", CheckRuns, body));

    [Fact]
    public async Task Without_the_permission_for_checks_a_commit_status_is_set_as_GitHub_describes_it()
    {
        await using var front = await FrontAsync();
        front.Troubles = request => request.Path.Value!.Contains("/check-runs", StringComparison.Ordinal) ? Trouble.Forbidden : Trouble.None;
        var desired = await DesiredAsync() with { Title = new string('x', 500) };
        var options = github.Options(front.Address) with { AppId = null, PrivateKey = null, Token = "kims-own-token" };
        var reported = await ReportAsync(front, desired, ReportedCheck.Nothing, options);
        Assert.Null(reported.GaveUp);
        var status = Assert.Single(front.Requests, seen => seen.Path.Contains("/statuses/", StringComparison.Ordinal));
        Assert.EndsWith($"/repos/kim/shop/statuses/{desired.Commit}", status.Path);
        Assert.Empty(await OpenApi.ProblemsAsync("post", "/repos/{owner}/{repo}/statuses/{sha}", status.Body));
        var body = JsonNode.Parse(status.Body)!;
        Assert.Equal(("failure", desired.Name), ((string?)body["state"], (string?)body["context"]));
        Assert.InRange(((string)body["description"]!).Length, 1, 140);
    }

    [Theory]
    [InlineData(nameof(Trouble.BreaksAfter))]
    [InlineData(nameof(Trouble.HangsUpAfter))]
    [InlineData(nameof(Trouble.BreaksBefore))]
    [InlineData(nameof(Trouble.Unauthorized))]
    [InlineData(nameof(Trouble.PrimaryLimit))]
    [InlineData(nameof(Trouble.SecondaryLimit))]
    public async Task Trouble_with_each_request_in_turn_leaves_one_check_in_its_final_state(string kind)
    {
        await using var front = await FrontAsync();
        var desired = await DesiredAsync();
        var met = new HashSet<string>();
        front.Troubles = request => met.Add($"{request.Method} {request.Path}") ? Enum.Parse<Trouble>(kind) : Trouble.None;
        var reported = await ReportAsync(front, desired with { Stage = new CheckStage.InProgress() }, ReportedCheck.Nothing);
        await ReportAsync(front, desired with { Revision = 2 }, reported);
        Assert.Equal(("completed", "failure"), ((string?)(await CheckAsync(desired))["status"], (string?)(await CheckAsync(desired))["conclusion"]));
        Assert.Contains(front.Requests, seen => seen.Trouble.ToString() == kind);
    }

    [Fact]
    public async Task Limits_say_when_they_end()
    {
        using var counted = new Counted("buildrunner.github.requests", "status");
        await using var front = await FrontAsync();
        var parts = new Parts(github.Options(front.Address));
        var (desired, place) = (await DesiredAsync(), await github.PlaceAsync());
        front.Troubles = _ => Trouble.PrimaryLimit;
        var primary = await parts.Checks.SendAsync(place, desired, new CheckRequest.Find(), TestContext.Current.CancellationToken);
        front.Troubles = _ => Trouble.SecondaryLimit;
        var secondary = await parts.Checks.SendAsync(place, desired, new CheckRequest.Find(), TestContext.Current.CancellationToken);
        Assert.Equal(new CheckAnswer.Limited(DateTimeOffset.FromUnixTimeSeconds(1_900_000_001)), primary);
        Assert.Equal(new CheckAnswer.Limited(parts.Clock.GetUtcNow().AddSeconds(7)), secondary);
        await counted.AtLeastAsync("403", 2);
    }

    [Fact]
    public async Task A_rerun_of_the_same_name_is_a_check_of_its_own_and_each_is_found_by_its_key()
    {
        await using var front = await FrontAsync();
        var first = await DesiredAsync();
        var second = first with { Key = new(RunId.Create(TimeProvider.System), "build") };
        await ReportAsync(front, first, ReportedCheck.Nothing);
        await ReportAsync(front, second, ReportedCheck.Nothing);
        var (parts, place) = (new Parts(github.Options(front.Address)), await github.PlaceAsync());
        var ids = new List<long?>();
        foreach (var desired in (DesiredCheck[])[first, second])
            ids.Add(Assert.IsType<CheckAnswer.Done>(await parts.Checks.SendAsync(place, desired, new CheckRequest.Find(), TestContext.Current.CancellationToken)).Id);
        Assert.All(ids, id => Assert.NotNull(id));
        Assert.NotEqual(ids[0], ids[1]);
    }

    private async Task<GitHubFront> FrontAsync()
    {
        github.Options();
        return await GitHubFront.StartAsync(github.Address);
    }

    private async Task<ReportedCheck> ReportAsync(GitHubFront front, DesiredCheck desired, ReportedCheck reported, GitHubOptions? options = null)
    {
        var (parts, place) = (new Parts(options ?? github.Options(front.Address)), await github.PlaceAsync());
        var now = (reported.SentAt ?? At) + CheckPlan.Coalescing;
        for (var turn = 0; turn < 50; turn++)
        {
            var request = CheckPlan.Next(desired, reported, now);
            if (request is CheckRequest.Nothing)
                return reported;
            if (request is CheckRequest.Wait wait)
                now = wait.Until;
            else
                reported = CheckPlan.After(desired, reported, request, await parts.Checks.SendAsync(place, desired, request, TestContext.Current.CancellationToken), now);
        }
        Assert.Fail($"it does not converge: {reported}");
        return reported;
    }

    private async Task<JsonNode> CheckAsync(DesiredCheck desired)
    {
        var list = await github.AsKimAsync(HttpMethod.Get, $"repos/kim/shop/commits/{desired.Commit}/check-runs?filter=all&per_page=100");
        return Assert.Single(list["check_runs"]!.AsArray(), check => (string?)check!["external_id"] == desired.Key.ToString())!;
    }

    private async Task<DesiredCheck> DesiredAsync() => new()
    {
        Key = new(RunId.Create(TimeProvider.System), "build"),
        Name = "buildrunner/push/build",
        Commit = await github.CommitAsync($"files/{Guid.NewGuid():N}", "x"),
        Revision = 1,
        Stage = new CheckStage.Completed(CheckVerdict.Failure, At.AddMinutes(1)),
        Details = new("https://ci.example/kim/shop/runs/1"),
        Title = "failure: exit 1",
        Summary = "| | Step |\n|---|---|\n| ✗ | test |\n",
    };

    private static CheckAnnotation Annotation(int line) => new("src/a.cs", line, line, AnnotationLevel.Failure, "wrong");
}
