using System.Net;
using System.Net.ServerSentEvents;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Logs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Tests.Api;

/// <summary>Logs through the API: whole, in parts, and while a step writes them; and runs while they change.</summary>
public sealed class Logs_and_followers : IAsyncLifetime
{
    private HttpServer server = null!;
    private ApiClient api = null!;
    private HttpClient agent = null!;

    private static ApiJson Json => ApiJson.Default;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        server = await HttpServer.StartAsync();
        api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Read, Scopes.Run)));
        agent = await server.AgentAsync();
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task A_log_is_read_as_text_in_lines_from_its_end_and_as_it_is_stored()
    {
        var work = await StepAsync();
        byte[] frames = [.. Frame(LogStream.Out, "one"), .. Frame(LogStream.Error, "two"), .. Frame(LogStream.System, "cut off"), .. Frame(LogStream.Out, [0xff])];
        await UploadAsync(work, 0, frames, end: true);

        byte[] text = [.. "one\ntwo\n[cut off]\n"u8, 0xff, (byte)'\n'];
        Assert.Equal(text, await api.Http.GetByteArrayAsync(Log("build"), Cancel));
        var lines = (await api.Http.GetStringAsync(Log("build") + "&format=lines", Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonSerializer.Deserialize(l, Json.LogEntry)!).ToList();
        Assert.Equal([(1, "out", "one"), (2, "err", "two"), (3, "sys", "cut off"), (4L, "out", (string?)null)], lines.Select(l => (l.N, l.S, l.Text)));
        Assert.Equal([0xff], Convert.FromBase64String(lines[3].Base64!));
        Assert.Equal("two\n[cut off]\n", (await api.Http.GetStringAsync(Log("build") + "&tail=3", Cancel))[..14]);

        using var request = new HttpRequestMessage(HttpMethod.Get, Log("build") + "&format=raw");
        request.Headers.Range = new(15, 29);
        using var part = await api.Http.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(frames[15..30], await part.Content.ReadAsByteArrayAsync(Cancel));
        Assert.Equal("true", Assert.Single(part.Headers.GetValues("X-Log-Ended")));
    }

    [Fact]
    public async Task A_follower_who_comes_before_the_step_sees_every_line_as_it_is_written_and_the_end()
    {
        var run = await RunAsync();
        using var follow = await FollowAsync(Log("build").Replace("/log?", "/log/follow?", StringComparison.Ordinal));
        var events = Events(follow);
        var work = await StepAsync(run);
        await UploadAsync(work, 0, Frame(LogStream.Out, "one"), end: false);
        Assert.Equal((1, "one"), Line(await NextAsync(events)));
        await UploadAsync(work, 15, [.. Frame(LogStream.Out, "two"), .. Frame(LogStream.Out, "three")], end: true);
        Assert.Equal((2, "two"), Line(await NextAsync(events)));
        Assert.Equal((3, "three"), Line(await NextAsync(events)));
        Assert.Equal("end", (await NextAsync(events)).EventType);
    }

    [Fact]
    public async Task A_follower_who_lost_the_connection_goes_on_behind_the_last_event_with_the_right_number()
    {
        var work = await StepAsync();
        await UploadAsync(work, 0, [.. Frame(LogStream.Out, "one"), .. Frame(LogStream.Out, "two"), .. Frame(LogStream.Out, "three")], end: true);
        using var first = await FollowAsync(Log("build").Replace("/log?", "/log/follow?", StringComparison.Ordinal));
        var one = await NextAsync(Events(first));
        using var again = await FollowAsync(Log("build").Replace("/log?", "/log/follow?", StringComparison.Ordinal), one.EventId);
        Assert.Equal((2, "two"), Line(await NextAsync(Events(again))));
    }

    [Fact]
    public async Task Two_hundred_followers_all_see_all_and_the_writer_does_not_wait_for_them()
    {
        var work = await StepAsync();
        var followers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => FollowAsync(Log("build").Replace("/log?", "/log/follow?", StringComparison.Ordinal))));
        var sent = Enumerable.Range(1, 50).Select(n => $"line {n}").ToList();
        long offset = 0;
        foreach (var line in sent)
        {
            var frame = Frame(LogStream.Out, line);
            await UploadAsync(work, offset, frame, end: false);
            offset += frame.Length;
        }

        await UploadAsync(work, offset, [], end: true, sha: sent.SelectMany(l => Frame(LogStream.Out, l)).ToArray());
        foreach (var follower in followers)
        {
            var seen = new List<string>();
            await foreach (var item in SseParser.Create(await follower.Content.ReadAsStreamAsync(Cancel)).EnumerateAsync(Cancel))
            {
                if (item.EventType == "end")
                {
                    break;
                }

                seen.Add(Line(item).Text!);
            }

            Assert.Equal(sent, seen);
            follower.Dispose();
        }
    }

    [Fact]
    public async Task A_run_is_told_at_once_after_each_change_and_at_its_end()
    {
        var run = await RunAsync();
        using var follow = await FollowAsync(ApiRoutes.For(ApiRoutes.RunEvents, "acme/shop", 1));
        var events = Events(follow);
        Assert.Equal("queued", State(await NextAsync(events)));
        await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.Cancel, "acme/shop", 1), new CancelRun(), Json.CancelRun, Json.RunDetails);
        Assert.Equal("cancelled", State(await NextAsync(events)));
        Assert.Equal("end", (await NextAsync(events)).EventType);
        Assert.NotEqual(Guid.Empty, run);
    }

    [Fact]
    public async Task A_step_that_several_workflows_have_needs_its_workflow_named()
    {
        await RunAsync(TestPlans.Of(TestPlans.Workflow("a", "build"), TestPlans.Workflow("b", "build")));
        Assert.Contains("(a, b)", (await api.RefusedAsync("GET", ApiRoutes.For(ApiRoutes.Log, "acme/shop", 1) + "?step=build", "")).Detail);
        Assert.Equal(ApiProblems.NotFound, (await api.RefusedAsync("GET", Log("nope"), "")).Code);
        Assert.Equal("", await api.Http.GetStringAsync(Log("build") + "&workflow=a", Cancel));
    }

    private static string Log(string step) => $"{ApiRoutes.For(ApiRoutes.Log, "acme/shop", 1)}?step={step}";

    private async Task<HttpResponseMessage> FollowAsync(string path, string? last = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (last is not null)
        {
            request.Headers.Add("Last-Event-ID", last);
        }

        var response = await api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        return response;
    }

    private static IAsyncEnumerator<SseItem<string>> Events(HttpResponseMessage response) => SseParser.Create(response.Content.ReadAsStream()).EnumerateAsync(Cancel).GetAsyncEnumerator(Cancel);

    private static async Task<SseItem<string>> NextAsync(IAsyncEnumerator<SseItem<string>> events)
    {
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel), "the stream has ended");
        return events.Current;
    }

    private static (long N, string? Text) Line(SseItem<string> item) => JsonSerializer.Deserialize(item.Data, Json.LogEntry) is { } line ? (line.N, line.Text) : default;

    private static string State(SseItem<string> item) => JsonSerializer.Deserialize(item.Data, Json.RunDetails)!.Run.State;

    private static byte[] Frame(LogStream stream, string text) => Frame(stream, Encoding.UTF8.GetBytes(text));

    private static byte[] Frame(LogStream stream, byte[] text)
    {
        var frame = new LogFrame(stream, DateTimeOffset.UnixEpoch, false, text);
        var bytes = new byte[frame.Size];
        frame.Write(bytes);
        return bytes;
    }

    private async Task UploadAsync(WorkItem work, long offset, byte[] bytes, bool end, byte[]? sha = null)
    {
        var whole = sha ?? (offset == 0 ? bytes : [.. await api.Http.GetByteArrayAsync(Log("build") + "&format=raw", Cancel), .. bytes]);
        using var content = new ByteArrayContent(bytes);
        using var response = await agent.PutAsync(AgentRoutes.ForLog(work.Id, LogStreams.Output, work.Fence, offset, end ? Convert.ToHexStringLower(SHA256.HashData(whole)) : null), content, Cancel);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private async Task<Guid> RunAsync(Core.Planning.RunPlan? wanted = null)
    {
        var plan = wanted ?? TestPlans.Steps("build");
        var repository = await server.Get<Database>().WriteAsync(
            turn =>
            {
                var row = new RepositoryRow { Id = Guid.CreateVersion7(), Name = "acme/shop", Key = "acme/shop", CloneUrl = "https://forge.example/acme/shop", DefaultBranch = "main", Settings = "{}", CreatedAt = turn.Now };
                turn.Db.Add(row);
                return Task.FromResult(row.Id);
            },
            Cancel);
        return (await server.Get<RunRegister>().CreateAsync(new NewRun { Repository = repository, Plan = plan, Event = plan.Event, Title = "test", Author = "kim", Trust = TestPlans.Trusted }, Cancel)).Id;
    }

    private async Task<WorkItem> StepAsync(Guid? run = null)
    {
        _ = run ?? await RunAsync();
        var start = await ClaimAsync();
        using var ready = await HttpServer.SendAsync(agent, AgentRoutes.For(AgentRoutes.Result, start.Id), new ResultRequest { Fence = start.Fence, Result = new WorkResult.Ready() }, AgentContractJson.Default.ResultRequest);
        return await ClaimAsync();
    }

    private async Task<WorkItem> ClaimAsync() => Assert.Single((await HttpServer.PostAsync(
        agent, AgentRoutes.Claim, new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 4 }, AgentContractJson.Default.ClaimRequest, AgentContractJson.Default.ClaimResponse)).Work);
}
