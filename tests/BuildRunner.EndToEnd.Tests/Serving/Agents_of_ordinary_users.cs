using System.Net;
using System.Text.Json.Nodes;
using BuildRunner.EndToEnd.Tests.LocalRuns;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Git;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary><c>buildrunner agent</c>, started by a real ordinary user without any right of root.</summary>
public sealed class Agents_of_ordinary_users : IDisposable
{
    private const int Kill = 9, Terminate = 15;

    private const string Token = "t0ken-of-the-host-of-git";

    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task Check_out_and_run_steps_for_a_server_and_when_one_is_killed_nothing_of_it_runs_on_and_its_next_start_says_that_the_step_is_lost(string runtime)
    {
        await using var session = await Without_root.StartAsync(new OrdinaryUser(Without_root.Programs));
        var shop = TestRepository.Create(folder["repos"], "shop");
        shop.Commit("goods.txt", "apples\n");
        shop.Commit(".buildrunner.yml", Without_root.Steps(session, "cat goods.txt; echo \"built as $(id -u)\"; ! mount -t tmpfs none /mnt") + "    resources:\n      memory: 64MiB\n");
        shop.Commit(".buildrunner.yml", Without_root.Steps(session, "echo begun; sleep 1000"), "refs/heads/endless");
        await using var git = GitHttpsServer.Start(folder["repos"], Token, folder["authority.pem"]);
        await using var service = await Service.AloneAsync(folder, ("Sources:CertificateAuthorities", folder["authority.pem"]));
        await service.AddAsync("acme/shop", git.Address + "/shop.git", Token, "x-access-token");
        await GiveAsync(session, "token", await service.NewAgentTokenAsync());
        await GiveAsync(session, "authority.pem", await File.ReadAllTextAsync(folder["authority.pem"], Cancel));

        await using (var agent = Start(session, service, runtime))
        {
            var ran = await RunAsync(service, agent, "main");
            var log = await ran.LogAsync("step0");
            Assert.Contains("apples\nbuilt as 0\n", log, StringComparison.Ordinal);
            Assert.Contains("limits that are not kept", log, StringComparison.Ordinal);

            _ = await service.SendAsync(HttpMethod.Post, "/api/v1/repos/acme/shop/runs", new JsonObject { ["branch"] = "endless" });
            await BeginsAsync(service, 2, agent);
            await EndAsync(session, agent, Kill);
        }

        await Without_root.NothingRunsAsync(session);
        await using (var next = Start(session, service, runtime))
        {
            var lost = await service.EndAsync("acme/shop", 2);
            Assert.True(lost.Told.Contains("\"lost\"", StringComparison.Ordinal), $"{lost.Told}\n{next.Said}");
            _ = await RunAsync(service, next, "main");
            var ended = await EndAsync(session, next, Terminate);
            Assert.True(ended.Code == 0, ended.All);
        }

        await Without_root.NothingRunsAsync(session);
        Assert.DoesNotContain(Without_root.LeftBehind(session), f => !f.Contains("dotnet-diagnostic-", StringComparison.Ordinal));
    }

    private static Running Start(OrdinarySession session, Service service, string runtime) => Without_root.Start(
        session, session.User.Home,
        new Dictionary<string, string>
        {
            ["BUILDRUNNER_ENGINE__RUNTIME"] = runtime,
            ["BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS"] = session.User.Home,
            ["BUILDRUNNER_AGENT__MINFREEDISK"] = "0",
            ["BUILDRUNNER_SOURCES__CERTIFICATEAUTHORITIES"] = $"{session.User.Home}/authority.pem",
        },
        "agent", "--server", service.Http.BaseAddress!.ToString(), "--token-file", $"{session.User.Home}/token");

    private static async Task<Ran> RunAsync(Service service, Running agent, string branch)
    {
        var ran = await service.RunAsync("acme/shop", new JsonObject { ["branch"] = branch });
        Assert.True(ran.State == "success", $"{ran.Told}\n{agent.Said}");
        return ran;
    }

    /// <summary>Both processes: the one that was started, and what it becomes in the user's namespace.</summary>
    private static async Task<Finished> EndAsync(OrdinarySession session, Running agent, int signal)
    {
        foreach (var (id, _) in session.Processes().Where(p => p.Name == "buildrunner"))
        {
            _ = Release.Kill(id, signal);
        }

        return await agent.EndAsync(TimeSpan.FromMinutes(2));
    }

    private static async Task BeginsAsync(Service service, int number, Running agent)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(3));
        var last = "";
        try
        {
            do
            {
                await Task.Delay(50, patience.Token);
                using var answer = await service.Http.GetAsync($"/api/v1/repos/acme/shop/runs/{number}/log?step=step0", patience.Token);
                last = answer.StatusCode == HttpStatusCode.OK ? await answer.Content.ReadAsStringAsync(patience.Token) : "";
            }
            while (!last.Contains("begun\n", StringComparison.Ordinal));
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            Assert.Fail($"the step of run {number} did not begin: {last}\n{agent.Said}\n{service.Said}");
        }
    }

    private static async Task GiveAsync(OrdinarySession session, string name, string content)
    {
        var path = $"{session.User.Home}/{name}";
        await File.WriteAllTextAsync(path, content, Cancel);
        OrdinaryUser.GiveTo(path);
    }
}
