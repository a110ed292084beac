using System.Net;
using System.Xml.Linq;
using BuildRunner.Server.Access;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;

namespace BuildRunner.Server.Tests.Pages;

public sealed class BadgeTests : IAsyncLifetime
{
    private HttpServer server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        server = await HttpServer.StartAsync();
        await AddAsync("acme/open", isPrivate: false, ("main", "success"), ("next", "failure"));
        await AddAsync("acme/hidden", isPrivate: true, ("main", "failure"));
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Theory]
    [InlineData("/badge/acme/open.svg", "build: passing")]
    [InlineData("/badge/Acme/Open.svg", "build: passing")]
    [InlineData("/badge/acme/open.svg?branch=next", "build: failing")]
    [InlineData("/badge/acme/open.svg?branch=%3Cscript%3E", "build: no runs")]
    public async Task A_stranger_sees_how_a_branch_of_an_open_repository_is(string path, string says)
    {
        using var answer = await server.Http.GetAsync(path, Cancel);
        Assert.Equal((HttpStatusCode.OK, "image/svg+xml"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        Assert.Equal(says, (string?)XDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel)).Root!.Attribute("aria-label"));
        Assert.True(answer.Headers.CacheControl!.NoCache);
        using var again = new HttpRequestMessage(HttpMethod.Get, path);
        again.Headers.IfNoneMatch.Add(answer.Headers.ETag!);
        using var unchanged = await server.Http.SendAsync(again, Cancel);
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
    }

    [Fact]
    public async Task To_a_stranger_a_private_repository_looks_like_one_that_does_not_exist_and_who_may_read_sees_it()
    {
        var hidden = await server.Http.GetStringAsync("/badge/acme/hidden.svg", Cancel);
        Assert.Equal(await server.Http.GetStringAsync("/badge/acme/nothing.svg", Cancel), hidden);
        Assert.Contains("build: unknown", hidden);
        using var reader = server.With(await server.ApiTokenAsync(Scopes.Read));
        using var answer = await reader.GetAsync("/badge/acme/hidden.svg", Cancel);
        Assert.Contains("build: failing", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.True(answer.Headers.CacheControl!.Private);
        using var noPicture = await server.Http.GetAsync("/badge/acme/open.png", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, noPicture.StatusCode);
    }

    private Task<int> AddAsync(string name, bool isPrivate, params (string Branch, string Outcome)[] runs) => server.Get<Database>().WriteAsync(
        turn =>
        {
            var repository = new RepositoryRow { Id = Guid.CreateVersion7(), Name = name, Key = name, CloneUrl = "https://github.com/" + name, DefaultBranch = "main", Settings = "{}", CreatedAt = turn.Now };
            turn.Db.Add(repository);
            turn.Db.Add(new ForgeRepositoryRow { Repository = repository.Id, ForgeId = Math.Abs(name.GetHashCode(StringComparison.Ordinal)), Owner = 1, FullName = name, Private = isPrivate });
            foreach (var (at, run) in runs.Index())
            {
                turn.Db.Add(new RunRow
                {
                    Id = Guid.CreateVersion7(),
                    Repository = repository.Id,
                    Number = at + 1,
                    Attempt = 1,
                    Event = "push",
                    Branch = run.Branch,
                    Ref = "refs/heads/" + run.Branch,
                    Commit = new string('a', 40),
                    Title = "t",
                    Author = "kim",
                    Version = 1,
                    Priority = 0,
                    Stage = RunStage.Ended,
                    Outcome = run.Outcome,
                    CreatedAt = turn.Now,
                    EndedAt = turn.Now,
                    Stranger = false,
                    Trust = "{}",
                });
            }

            return Task.FromResult(0);
        },
        Cancel);
}
