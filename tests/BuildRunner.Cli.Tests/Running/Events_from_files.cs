namespace BuildRunner.Cli.Tests.Running;

/// <summary><c>--payload</c>, <c>--metadata</c>, <c>--input</c> and <c>--image-map</c>.</summary>
public sealed class Events_from_files
{
    private const string Telling = """
        steps:
          - name: tell
            image: alpine
            commands:
              - event ${CI_PIPELINE_EVENT} of ${CI_REPO} at ${CI_COMMIT_SHA:-no-commit}
              - branch ${CI_COMMIT_BRANCH} source ${CI_COMMIT_SOURCE_BRANCH:-none} pull ${CI_COMMIT_PULL_REQUEST:-none}
              - by ${CI_COMMIT_AUTHOR:-nobody} previous ${CI_PREV_PIPELINE_STATUS:-none}
        """;

    private const string WithInput = """
        inputs:
          target: { default: nowhere }
          size: { type: number, default: 1 }
        steps:
          - { name: tell, image: alpine, commands: ["to ${target} with ${size}"] }
        """;

    private const string PullRequest = """
        {
          "action": "opened", "number": 17,
          "pull_request": {
            "id": 1, "number": 17, "state": "open", "title": "Add tax", "draft": false, "html_url": "https://github.com/acme/shop/pull/17",
            "user": { "id": 5, "login": "kim" }, "labels": [],
            "head": { "ref": "tax", "sha": "3f9c2e1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "repo": { "id": 7, "full_name": "acme/shop", "fork": false } },
            "base": { "ref": "main", "sha": "0000001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "repo": { "id": 7, "full_name": "acme/shop" } }
          },
          "repository": {
            "id": 7, "full_name": "acme/shop", "private": true, "default_branch": "main", "html_url": "https://github.com/acme/shop",
            "clone_url": "https://github.com/acme/shop.git", "ssh_url": "git@github.com:acme/shop.git", "owner": { "id": 6, "login": "acme" }
          },
          "sender": { "id": 5, "login": "kim", "avatar_url": "https://example.org/kim.png" }
        }
        """;

    private const string Metadata = """
        {
          "id": "a", "repo": { "name": "shop", "owner": "acme", "default_branch": "trunk", "private": true },
          "curr": {
            "number": 812, "created": 1700000000, "started": 1700000001, "event": "push", "author": "kim",
            "commit": { "sha": "3f9c2e1", "ref": "refs/heads/tax", "branch": "tax", "message": "Add tax", "author": { "name": "kim", "email": "kim@example.org" }, "changed_files": ["a.txt"] }
          },
          "prev": { "number": 811, "event": "push", "status": "failure", "commit": { "sha": "0000001", "branch": "tax" } },
          "sys": { "name": "woodpecker", "host": "ci.example.org" }, "forge": { "type": "github" }, "unknown": 1
        }
        """;

    [Fact]
    public async Task A_payload_of_GitHub_tells_what_the_run_is_for()
    {
        using var cli = new TestCli(("ci.yml", Telling), ("event.json", PullRequest));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--payload", "event.json"));
        Assert.Contains("event pull_request of acme/shop at 3f9c2e1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", cli.Error);
        Assert.Contains("branch main source tax pull 17\n", cli.Error);
    }

    [Fact]
    public async Task A_payload_of_another_event_than_was_asked_for_is_refused()
    {
        using var cli = new TestCli(("ci.yml", Telling), ("event.json", PullRequest), ("label.json", PullRequest.Replace("opened", "locked", StringComparison.Ordinal)), ("other.json", "{\"a\":1}"));
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--payload", "event.json", "--event", "push"));
        Assert.Contains("the payload is a pull_request, and --event says push", cli.Error);
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--payload", "label.json"));
        Assert.Contains("no run starts from this event", cli.Error);
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--payload", "other.json"));
        Assert.Contains("--event webhook", cli.Error);
    }

    [Fact]
    public async Task A_payload_of_a_webhook_gives_inputs_and_flags_win()
    {
        using var cli = new TestCli(("ci.yml", WithInput), ("hook.json", "{\"target\":\"moon\",\"size\":3}"));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--event", "webhook", "--payload", "hook.json"));
        Assert.Contains("to moon with 3\n", cli.Error);
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--event", "webhook", "--payload", "hook.json", "--input", "target=mars"));
        Assert.Contains("to mars with 3\n", cli.Error);
        Assert.Equal(3, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--event", "manual", "--input", "size=large"));
    }

    [Fact]
    public async Task A_metadata_file_tells_what_the_run_is_for()
    {
        using var cli = new TestCli(("ci.yml", Telling), ("meta.json", Metadata));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--metadata", "meta.json"));
        Assert.Contains("event push of acme/shop at 3f9c2e1\n", cli.Error);
        Assert.Contains("branch tax source none pull none\n", cli.Error);
        Assert.Contains("by kim previous failure\n", cli.Error);
    }

    [Theory]
    [InlineData("{\"curr\":{\"number\":\"many\"}}", "'curr.number' must be a number")]
    [InlineData("{\"curr\":{\"commit\":[]}}", "'curr.commit' must be an object")]
    [InlineData("{\"curr\":{\"commit\":{\"changed_files\":\"a\"}}}", "'curr.commit.changed_files' must be a list of texts")]
    [InlineData("{\"repo\":{}}", "there is no 'curr'")]
    [InlineData("[]", "this is JSON, but no object")]
    [InlineData("{", "this is not JSON")]
    public async Task A_metadata_file_that_cannot_be_used_says_where(string content, string message)
    {
        using var cli = new TestCli(("ci.yml", Telling), ("meta.json", content));
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--metadata", "meta.json"));
        Assert.Contains(message, cli.Error);
        Assert.Contains("meta.json", cli.Error);
    }

    [Fact]
    public async Task Images_are_replaced_as_flags_and_files_say()
    {
        const string pipeline = "steps:\n  - { name: a, image: node:22, commands: [x] }\n  - { name: b, image: 'golang:1', commands: [x] }\n";
        using var cli = new TestCli(("ci.yml", pipeline), ("map", "# ours\nnode:22 = registry.example/node:22\ngolang:1=registry.example/go:1\n"));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--image-map-file", "map", "--image-map", "golang:1=rootfs:/"));
        Assert.Contains("a │ start registry.example/node:22\n", cli.Error);
        Assert.Contains("b │ start rootfs:/\n", cli.Error);
        cli.Write("map", "node\n");
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--image-map-file", "map"));
        Assert.Contains("map(1): 'node' is not FROM=TO", cli.Error);
    }
}
