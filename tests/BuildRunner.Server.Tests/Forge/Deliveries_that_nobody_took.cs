using System.Net;
using System.Security.Cryptography;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>Deliveries of the app's webhook that GitHub says nobody took, against GitHub as its own description has it.</summary>
public sealed class Deliveries_that_nobody_took
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_is_asked_for_again_three_times_at_most_and_one_that_was_taken_is_not()
    {
        await using var github = await GitHubMock.StartAsync();
        var told = "[]";
        github.Answers = (call, _) => call == "GET /app/hook/deliveries" ? (200, told) : null;
        var deliveries = "[" + string.Join(",", Delivery(1, "lost", 502), Delivery(2, "taken-here", 504), Delivery(3, "well", 202), Delivery(4, "second-time", 500), Delivery(5, "second-time", 202)) + "]";
        var secret = WebhookSecret.Generate();
        using var rsa = RSA.Create(2048);
        var options = github.Options(rsa.ExportRSAPrivateKeyPem()) with { LookEvery = TimeSpan.FromMilliseconds(200), Patience = TimeSpan.Zero };
        await using var server = await HttpServer.StartAsync(o => o with { GitHub = options, Webhooks = new WebhookOptions { GitHubSecrets = [secret] } });

        // GitHub got no answer to this one, but it is here.
        Assert.Equal(HttpStatusCode.Accepted, await new WebhookSender(server.Http, secret).SendAsync("ping", "{}"u8.ToArray(), "taken-here"));
        told = deliveries;
        await UntilAsync(() => Asked(github).Count(a => a.EndsWith("/1/attempts", StringComparison.Ordinal)) >= 3);
        var looks = Looks(github);
        await UntilAsync(() => Looks(github) >= looks + 3);
        Assert.Equal(3, Asked(github).Count(a => a == "/app/hook/deliveries/1/attempts"));
        Assert.DoesNotContain(Asked(github), a => a is "/app/hook/deliveries/2/attempts" or "/app/hook/deliveries/3/attempts" or "/app/hook/deliveries/4/attempts" or "/app/hook/deliveries/5/attempts");
        Assert.DoesNotContain(github.Problems, p => p.Contains("/app/", StringComparison.Ordinal));
    }

    private static string Delivery(int id, string guid, int status) =>
        $$"""{"id":{{id}},"guid":"{{guid}}","delivered_at":"2026-01-01T00:00:0{{id}}Z","redelivery":false,"duration":0.1,"status":"said","status_code":{{status}},"event":"release","action":"published","installation_id":1,"repository_id":1}""";

    private static List<string> Asked(GitHubMock github) => [.. github.Requests.Where(r => r.Call == "POST /app/hook/deliveries/{delivery_id}/attempts").Select(r => r.Address)];

    private static int Looks(GitHubMock github) => github.Requests.Count(r => r.Call == "GET /app/hook/deliveries");

    private static async Task UntilAsync(Func<bool> enough)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!enough())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(1), "not within a minute");
            await Task.Delay(50, Cancel);
        }
    }
}
