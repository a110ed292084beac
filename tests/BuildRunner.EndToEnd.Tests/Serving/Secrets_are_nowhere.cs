using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Testing;
using BuildRunner.Testing.GitHub;
using BuildRunner.Testing.Services;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>A canary through a whole installation, server and agent as processes of their own: the step proves that it got the secret, and nothing else has it in the clear.</summary>
public sealed class Secrets_are_nowhere(GitHubEmulator github) : IClassFixture<GitHubEmulator>, IDisposable
{
    // Prints the secret in every way that the table of guarantees names, one case a line, between two marks. The marks are put together so that the echo of the command is none.
    private const string Leaks = """
        use MIME::Base64; use JSON::PP; use Digest::SHA qw(hmac_sha256_hex);
        $| = 1; my $s = $ENV{CANARY};
        sub slow { syswrite(STDOUT, $_) for split //, $_[0] }
        print "BE" . "GIN\n";
        print "proof " . hmac_sha256_hex("nonce", $s) . "\n";
        print "whole $s end\n$s\n$s$s\n";
        slow("bytewise $s end\n");
        print "url " . join("", map { /[A-Za-z0-9_.~-]/ ? $_ : sprintf("%%%02X", ord) } split //, $s) . " end\n";
        my $j = JSON::PP->new->allow_nonref->encode($s); print "json $j end\n";
        (my $q = $s) =~ s/'/'\\''/g; print "shell '$q' end\n";
        print "64at$_ " . encode_base64(("p" x $_) . $s . "tail", "") . "\n" for 0 .. 2;
        print "y" x 99 . "\n" for 1 .. 655; print "y" x 5 . "$s\n";
        print "pem $_\n" for split /\n/, $ENV{KEY};
        print "kept \e[31mred\e[0m caf\xc3\xa9 \xe6\xbc\xa2 \t| canar canary- BEGIN PRIVATE\n";
        print "EN" . "D\n";
        """;

    private readonly string canary = $"canary/+'\"&%{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_secret_that_a_step_provably_got_is_in_no_log_check_page_column_file_message_or_process_list_and_all_else_is_stored_as_it_was()
    {
        Requires.Program("perl");
        using var rsa = RSA.Create(2048);
        var key = rsa.ExportPkcs8PrivateKeyPem();
        await using var broker = await RabbitServer.StartAsync();
        await using var service = await GitHubService.StartAsync(
            github, folder, ("Bus:Transport", "rabbitmq"), ("Bus:RabbitMq:Uri", broker.Uri.ToString()), ("Bus:RabbitMq:QueuePrefix", "canary"));
        await service.Service.SendAsync(HttpMethod.Put, "/api/v1/secrets/canary", new JsonObject { ["value"] = canary });
        await service.Service.SendAsync(HttpMethod.Put, "/api/v1/repos/kim/shop/secrets/key", new JsonObject { ["value"] = key });
        var commit = await github.CommitAsync(".buildrunner.yml", Pipeline());
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var seen = Task.Run(() => SeenInProcessesAsync(canary, watching.Token), Cancel);
        Assert.StartsWith("started run", await service.TellAsync("push", service.Events.Push(commit)));
        var tree = await PrintedAsync(service);

        // While it runs: what it printed waits in its agent's record, which is not empty, and nothing of it can be read there.
        var now = OnDisk();
        Assert.Contains(now, f => f.EndsWith("/spool", StringComparison.Ordinal) && new FileInfo(f).Length > 65_536);
        Assert.Empty(InFiles(now, key));
        await File.WriteAllTextAsync(Path.Combine(tree, "go"), "", Cancel);
        var run = await service.RunAsync(commit, r => (string?)r["run"]!["state"] is not ("running" or "queued"));
        await watching.CancelAsync();
        Assert.Empty(await seen);
        Assert.Equal("failure", (string?)run["run"]!["state"]);

        // Every byte that is not secret, and a mask for every one that is.
        var number = (int)run["run"]!["number"]!;
        var log = await service.Service.Http.GetStringAsync($"/api/v1/repos/kim/shop/runs/{number}/log?step=leak", Cancel);
        var lines = log.Split('\n').SkipWhile(l => l != "BEGIN").Skip(1).TakeWhile(l => l != "END").ToList();
        Assert.Equal($"proof {Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(canary), "nonce"u8))}", lines[0]);
        const string mask = "********";
        Assert.Equal(
            [
                $"whole {mask} end", mask, mask, $"bytewise {mask} end", $"url {mask} end", $"json \"{mask}\" end", $"shell '{mask}' end",
            ],
            lines[1..8]);
        Assert.All(lines[8..11], l => Assert.Contains(mask, l));
        Assert.All(lines[11..666], l => Assert.Equal(new string('y', 99), l));
        Assert.Equal("yyyyy" + mask, lines[666]);
        Assert.All(lines[667..^1], l => Assert.Equal($"pem {mask}", l));
        Assert.Equal("kept \e[31mred\e[0m café 漢 \t| canar canary- BEGIN PRIVATE", lines[^1]);

        var checks = await service.ChecksAsync(commit, all => all.Count == 2 && all.All(c => (string?)c!["status"] == "completed"));
        var annotations = await Task.WhenAll(checks.Select(c => github.AsKimAsync(HttpMethod.Get, $"repos/kim/shop/check-runs/{c!["id"]}/annotations")));
        Assert.Contains("marked ********", checks.ToJsonString());
        Assert.Contains("it leaks", string.Concat(annotations.Select(a => a.ToJsonString())));
        Assert.Contains("1 tests, 1 failed", checks.ToJsonString());
        var told = new StringBuilder().Append(checks.ToJsonString()).Append(string.Concat(annotations.Select(a => a.ToJsonString()))).Append(log).Append(service.Service.Said).Append(Plain(run));
        foreach (var page in new[] { "/", "/kim/shop", $"/kim/shop/runs/{number}", $"/kim/shop/runs/{number}/steps/leak", "/queue", "/agents", "/metrics" })
        {
            using var answer = await service.Service.Http.GetAsync(page, Cancel);
            told.Append(await answer.Content.ReadAsStringAsync(Cancel));
        }

        foreach (var call in new[] { "secrets", "repos/kim/shop/secrets", "audit", "deliveries", $"repos/kim/shop/runs/{number}/plan", $"repos/kim/shop/runs/{number}/log?step=leak&format=raw", $"repos/kim/shop/runs/{number}/log?step=leak&format=lines" })
        {
            told.Append(await service.Service.Http.GetStringAsync("/api/v1/" + call, Cancel));
        }

        // With the server at an end, the database is whole in its files; with the broker dead, its messages are in its own.
        await service.DisposeAsync();
        await broker.KillAsync();
        var files = OnDisk();
        Assert.Contains(files, f => f.EndsWith("buildrunner.db", StringComparison.Ordinal));
        Assert.Empty(InFiles(files.Concat(Files(broker.Folder)), key));
        Assert.Empty(In("what was told", Encoding.UTF8.GetBytes(told.ToString()), key));
    }

    /// <summary>Waits until the step has printed all and waits for a file; the folder in which it waits.</summary>
    private async Task<string> PrintedAsync(GitHubService service)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (true)
        {
            if (Directory.Exists(folder["work"]) && Files(folder["work"]).FirstOrDefault(f => Path.GetFileName(f) == "printed") is { } found)
            {
                return Path.GetDirectoryName(found)!;
            }

            Assert.False(patience.IsCancellationRequested, $"the step did not print within three minutes\n{service.Service.Said}");
            await Task.Delay(200, Cancel);
        }
    }

    /// <summary>All files of server and agent: their folder, and what they keep in memory while the machine runs.</summary>
    private List<string> OnDisk() => [.. Files(folder.Path), .. Directory.Exists("/run/buildrunner") ? Files("/run/buildrunner") : []];

    private static List<string> Files(string root) =>
        [.. Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint })];

    // What is empty may be a pipe, which nobody reads without waiting.
    private IEnumerable<string> InFiles(IEnumerable<string> files, string key) => files.SelectMany(file =>
    {
        try
        {
            return new FileInfo(file) is { Exists: true, Length: > 0 } ? In(file, File.ReadAllBytes(file), key) : [];
        }
        catch (IOException)
        {
            // It has gone, or is a socket.
            return [];
        }
    });

    private IEnumerable<string> In(string what, byte[] bytes, string key) =>
        Forms(key).Where(f => bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(f.Form)) >= 0).Select(f => $"{f.Name} is in {what}");

    /// <summary>What must be nowhere: the secret as it is, its middle in base64 at each offset, and a line of the key.</summary>
    private IEnumerable<(string Name, string Form)> Forms(string key)
    {
        yield return ("the secret", canary);
        yield return ("the secret's random part", canary[^32..]);
        yield return ("the secret for an address", Uri.EscapeDataString(canary));
        for (var offset = 0; offset < 3; offset++)
        {
            var text = Convert.ToBase64String(Encoding.UTF8.GetBytes(new string('p', offset) + canary + "tail"));
            yield return ($"the secret in base64 at offset {offset}", text[8..40]);
        }

        yield return ("a line of the key", key.Split('\n')[5]);
    }

    private static string Pipeline() => $$"""
        skip_clone: true
        steps:
          - name: leak
            image: rootfs:/
            environment: { CANARY: { from_secret: canary }, KEY: { from_secret: key } }
            reports: { junit: report.xml }
            commands:
              - |
                cat > leak.pl <<'PERL'
        {{string.Join('\n', Leaks.Split('\n').Select(l => "        " + l))}}
                PERL
                perl leak.pl
              - printf '<testsuite><testcase classname="canary" name="leaks" file="leak.pl" line="4"><failure message="it leaks"/></testcase></testsuite>' > report.xml
              - touch printed
              - until [ -e go ]; do sleep 0.1; done
              - printf '::error file=a.txt,line=3::marked %s\n' "$CANARY"
              - printf 'TOLD=%s\n' "$CANARY" >> "$CI_OUTPUT"
              - exit 3
        """;

    private static string Plain(JsonNode node) => node.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Looks at the arguments of every process of the machine until it is told to stop.</summary>
    private static async Task<List<string>> SeenInProcessesAsync(string text, CancellationToken stop)
    {
        var found = new List<string>();
        while (!stop.IsCancellationRequested)
        {
            foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
            {
                try
                {
                    var line = await File.ReadAllTextAsync(Path.Combine(process, "cmdline"), CancellationToken.None);
                    if (line.Contains(text, StringComparison.Ordinal))
                    {
                        found.Add(line.Replace('\0', ' '));
                    }
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // It has ended meanwhile.
                }
            }

            await Task.Delay(20, CancellationToken.None);
        }

        return found;
    }
}
