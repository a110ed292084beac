using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Tests.Api;

/// <summary>Numbers of runs in a burst: each is given once, without a gap, and what fails spoils nothing that comes later.</summary>
public sealed class Numbers_of_runs
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everybody_in_a_burst_gets_another_number_and_a_repository_that_is_gone_fails_for_those_who_asked_only()
    {
        await using var server = await HttpServer.StartAsync();
        var (shop, gone) = (await AddAsync(server, "acme/shop"), Guid.NewGuid());
        var numbers = server.Get<RunNumbers>();
        for (var burst = 0; burst < 3; burst++)
        {
            var failing = Enumerable.Range(0, 5).Select(_ => numbers.TakeAsync(gone, Cancel)).ToList();
            var given = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(() => numbers.TakeAsync(shop, Cancel))));
            Assert.Equal(Enumerable.Range((burst * 60) + 1, 60), given.Order());
            foreach (var failed in failing)
            {
                await Assert.ThrowsAsync<InvalidOperationException>(() => failed);
            }
        }
    }

    [Fact]
    public async Task Who_gives_up_takes_nothing_from_the_others()
    {
        await using var server = await HttpServer.StartAsync();
        var shop = await AddAsync(server, "acme/shop");
        var numbers = server.Get<RunNumbers>();
        using var impatient = new CancellationTokenSource();
        var asked = Enumerable.Range(0, 10).Select(i => numbers.TakeAsync(shop, i == 0 ? impatient.Token : Cancel)).ToList();
        await impatient.CancelAsync();
        var given = await Task.WhenAll(asked.Skip(1));
        Assert.Equal(9, given.Distinct().Count());
        Assert.All(given, n => Assert.InRange(n, 1, 10));
    }

    [Fact]
    public async Task Only_who_is_alone_guesses_a_number_and_a_guess_goes_on_from_what_was_given_meanwhile()
    {
        await using var server = await HttpServer.StartAsync();
        var shop = await AddAsync(server, "acme/shop");
        var numbers = server.Get<RunNumbers>();
        using (var guess = numbers.Alone(shop, lastNumber: 0))
        {
            Assert.Equal(1, guess!.Number);
            Assert.Null(numbers.Alone(shop, lastNumber: 0));
            Assert.True(await TryTakeAsync(server, shop, guess.Number));
            guess.Right();
        }

        Assert.Equal(2, await numbers.TakeAsync(shop, Cancel));
        using var next = numbers.Alone(shop, lastNumber: 0);
        Assert.Equal(3, next!.Number);
        Assert.False(await TryTakeAsync(server, shop, 2));
        Assert.False(await TryTakeAsync(server, shop, 4));
        Assert.True(await TryTakeAsync(server, shop, 3));
    }

    private static Task<bool> TryTakeAsync(HttpServer server, Guid repository, int number) =>
        server.Get<Database>().WriteAsync(turn => RunNumbers.TryTakeAsync(turn, repository, number), Cancel);

    private static Task<Guid> AddAsync(HttpServer server, string name) => server.Get<Database>().WriteAsync(
        turn =>
        {
            var row = new RepositoryRow { Id = Guid.CreateVersion7(), Name = name, Key = name, CloneUrl = "https://forge.example/acme/shop", DefaultBranch = "main", Settings = "{}", CreatedAt = turn.Now };
            turn.Db.Add(row);
            return Task.FromResult(row.Id);
        },
        Cancel);
}
