using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BuildRunner.Testing;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>The release as a service: one command, no settings, and a run goes through queue, claim, container and log.</summary>
public sealed class Up_and_demo : IDisposable
{
    private const int Term = 15;
    private const int Kill = 9;
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_demonstration_shows_a_run_from_a_repository_to_its_log()
    {
        Needs();
        await using var running = Release.Start(folder.Path, Environment(), "demo");
        var ended = await running.EndAsync(TimeSpan.FromMinutes(5));
        Assert.True(ended.Code == 0, ended.All);
        Assert.DoesNotContain("\"@t\"", ended.All);
        foreach (var said in new[]
        {
            "claimed by agent", "hello from demo/hello, run 1", "everything else of the step before is gone",
            "started by cron", "somebody else signed was answered with 401", "right signature with 202", "started by webhook", "The runs ended: success, success, success",
        })
        {
            Assert.Contains(said, ended.All);
        }
    }

    [Fact]
    public async Task Up_serves_prints_a_link_for_an_administrator_and_after_a_kill_everything_is_there_and_goes_on()
    {
        Needs();
        MakeRepository();
        await using (var first = Release.Start(folder.Path, Environment(), "up", "--data-dir", folder["data"], "--listen", "http://127.0.0.1:0"))
        {
            using var http = await ClientAsync(first);
            await PostAsync(http, "/api/v1/repos", $$"""{"name":"acme/shop","cloneUrl":"{{folder["repos/shop"]}}"}""");
            await PostAsync(http, "/api/v1/repos/acme/shop/runs", "{}");
            Assert.Equal("success", await StateAsync(http, 1));
            Assert.Contains("traced 00-", await http.GetStringAsync("/api/v1/repos/acme/shop/runs/1/log?step=build", Cancel));
            await PostAsync(http, "/api/v1/queue/pause", """{"why":"the machine restarts"}""");
            await PostAsync(http, "/api/v1/repos/acme/shop/runs", "{}");
            Release.Kill(first.Id, Kill);
            await first.EndAsync(TimeSpan.FromSeconds(30));
        }

        await using var second = Release.Start(folder.Path, Environment(), "up", "--data-dir", folder["data"], "--listen", "http://127.0.0.1:0");
        using var again = await ClientAsync(second);
        Assert.Contains("the queue is paused by administrator: the machine restarts", await again.GetStringAsync("/api/v1/repos/acme/shop/runs/2", Cancel));
        await PostAsync(again, "/api/v1/queue/resume", "");
        Assert.Equal("success", await StateAsync(again, 2));
        Release.Kill(second.Id, Term);
        var said = await second.EndAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, said.Code);
        Assert.DoesNotContain("XML encryptor", said.All);
        Assert.False(Directory.Exists(folder["home/.aspnet"]), "the server wrote a key into the home folder");
    }

    private void Needs()
    {
        Requires.Root();
        Requires.Program("runc", "nft", "git");

        // What containers see lies below it, and they have ids of their own.
        File.SetUnixFileMode(folder.Path, File.GetUnixFileMode(folder.Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    private void MakeRepository()
    {
        Directory.CreateDirectory(folder["repos/shop"]);
        File.WriteAllText(folder["repos/shop/.buildrunner.yml"], "skip_clone: true\nsteps:\n  - name: build\n    image: rootfs:/\n    commands: [ 'echo traced $TRACEPARENT' ]\n");
        foreach (var arguments in new string[][] { ["init", "-q", "-b", "main"], ["add", "-A"], ["-c", "user.name=k", "-c", "user.email=k@example.com", "commit", "-q", "-m", "one"] })
        {
            using var git = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("git", ["-C", folder["repos/shop"], .. arguments]))!;
            git.WaitForExit();
            Assert.Equal(0, git.ExitCode);
        }
    }

    private Dictionary<string, string?> Environment() => new()
    {
        ["HOME"] = folder["home"],
        ["BUILDRUNNER_SECRETS__MASTERKEYFILE"] = folder["etc/master.key"],
        ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
        ["BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS"] = "/",
        ["BUILDRUNNER_ENGINE__STATEDIR"] = folder["run"],
        ["BUILDRUNNER_IMAGES__DIR"] = folder["images"],
        ["BUILDRUNNER_AGENT__MINFREEDISK"] = "0",
    };

    /// <summary>Signs in by the link that <c>up</c> printed.</summary>
    internal static async Task<HttpClient> ClientAsync(Running running)
    {
        var link = new Uri(await running.FindAsync("(http://[^ \"]+/login/link[^ \"\n]+)"));
        var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = new Uri(link.GetLeftPart(UriPartial.Authority)) };
        var fields = System.Text.RegularExpressions.Regex.Matches(await http.GetStringAsync(link, Cancel), "type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"");
        using var form = new FormUrlEncodedContent(fields.Select(m => KeyValuePair.Create(m.Groups[1].Value, System.Net.WebUtility.HtmlDecode(m.Groups[2].Value))));
        using var answer = await http.PostAsync(link.GetLeftPart(UriPartial.Path), form, Cancel);
        Assert.Equal(System.Net.HttpStatusCode.Redirect, answer.StatusCode);
        http.DefaultRequestHeaders.Add("X-BuildRunner", "1");
        return http;
    }

    internal static async Task PostAsync(HttpClient http, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        using var answer = await http.PostAsync(path, content, Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    /// <summary>How a run ended, as its events tell.</summary>
    internal static async Task<string> StateAsync(HttpClient http, int number)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        var state = "";
        using var reader = new StreamReader(await http.GetStreamAsync($"/api/v1/repos/acme/shop/runs/{number}/events", patience.Token));
        while (await reader.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith("data: {\"run\"", StringComparison.Ordinal))
            {
                state = JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("run").GetProperty("state").GetString()!;
            }
        }

        return state;
    }
}
