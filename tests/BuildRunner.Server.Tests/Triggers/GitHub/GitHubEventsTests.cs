using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Server.Triggers;
using BuildRunner.Server.Triggers.GitHub;
using CsCheck;

namespace BuildRunner.Server.Tests.Triggers.GitHub;

public sealed class GitHubEventsTests
{
    public static TheoryData<string> Sources => [.. Samples.Sources];

    [Theory]
    [MemberData(nameof(Sources))]
    public void Every_sample_is_answered_and_only_those_that_should_start_a_run_do(string source)
    {
        var samples = Samples.Of(source).ToList();
        Assert.True(samples.Count > 40);
        Assert.Empty(samples
            .Select(sample => (sample, GitHubEvents.Read(sample.Name, sample.Payload, new GitHubIdentity(Samples.App)).Trigger))
            .Where(pair => pair.Trigger.GetType() != Samples.Expected(pair.sample.Name, pair.sample.Payload))
            .Select(pair => $"{pair.sample.Name}: {pair.Trigger}"));
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void Every_run_of_a_sample_has_what_planning_and_trust_need(string source)
    {
        var requests = Samples.Of(source)
            .Select(sample => GitHubEvents.Read(sample.Name, sample.Payload, new GitHubIdentity(null)).Trigger)
            .OfType<Trigger.StartRun>().Select(start => start.Request).ToList();
        Assert.NotEmpty(requests);
        Assert.All(requests, request =>
        {
            Assert.True(GitName.IsRef(request.Event.Ref));
            Assert.True(GitName.IsCommit(request.Event.Commit) || request.Event.Kind == "release");
            Assert.True(request.Event.Branch.Length > 0 || request.Event.Kind == "tag");
            Assert.Equal(request.Repository.FullName, request.Event.Repository);
            Assert.True(request.Repository.Id > 0 && request.Repository.Owner > 0 && request.Actor.Id > 0);
            Assert.Equal(request.Event.Kind.StartsWith("pull_request", StringComparison.Ordinal), request.PullRequest is not null || request.Event.Ref.Contains("gh-readonly-queue", StringComparison.Ordinal));
            Assert.NotEmpty(request.Title);
        });
    }

    [Fact]
    public void Different_samples_have_different_keys_and_the_same_one_has_the_same()
    {
        var triggers = Samples.Of("api.github.com")
            .DistinctBy(sample => sample.Payload.GetRawText())
            .Select(sample => (Read: GitHubEvents.Read(sample.Name, sample.Payload, new GitHubIdentity(Samples.App)), sample))
            .Where(pair => pair.Read.Trigger is Trigger.StartRun).ToList();
        var doubles = triggers.GroupBy(pair => pair.Read.Key).Where(group => group.Count() > 1);
        // The collection has some events twice, as seen by a repository's webhook and by an app.
        Assert.All(doubles, group => Assert.Single(group.Select(pair => WithoutViewpoint(pair.sample.Payload)).Distinct()));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"text\"")]
    [InlineData("""{"ref": 1, "repository": [], "sender": "x", "action": {}, "pull_request": null}""")]
    [InlineData("""{"ref": "\ud800", "repository": {"id": 1e400}, "action": "opened"}""")]
    public void A_payload_of_another_shape_is_answered_with_what_is_wrong(string json)
    {
        using var document = JsonDocument.Parse(json);
        foreach (var name in (string[])["push", "pull_request", "merge_group", "release", "deployment", "check_run", "check_suite", "issue_comment", "installation", "ping", "", "x\n"])
            Assert.IsType<Trigger.Nothing>(GitHubEvents.Read(name, document.RootElement, new GitHubIdentity(1)).Trigger);
    }

    [Fact]
    public void A_sample_with_any_of_its_values_replaced_by_anything_is_answered()
    {
        var samples = Samples.Of("api.github.com").Where(sample => sample.Name is "push" or "pull_request" or "merge_group" or "release" or "deployment" or "check_run" or "issue_comment" or "installation").ToArray();
        JsonNode?[] values = [null, JsonValue.Create(""), JsonValue.Create("\u0000"), JsonValue.Create(-1), JsonValue.Create(true), new JsonArray(), new JsonObject(), JsonValue.Create(new string('x', 200_000))];
        Gen.Select(Gen.Int[0, samples.Length - 1], Gen.Int[0, 1_000_000], Gen.Int[0, values.Length - 1]).Sample((sample, place, value) =>
        {
            var payload = JsonNode.Parse(samples[sample].Payload.GetRawText())!;
            Replace(payload, place, values[value]?.DeepClone());
            var read = Samples.Read(samples[sample].Name, payload);
            if (read.Trigger is Trigger.StartRun { Request: var request })
                Assert.True(GitName.IsRef(request.Event.Ref) && request.Facts.Commit.Message?.Contains('\0', StringComparison.Ordinal) != true);
        }, iter: 2000);
    }

    private static string WithoutViewpoint(JsonElement payload)
    {
        var node = JsonNode.Parse(payload.GetRawText())!.AsObject();
        return string.Join('|', node["action"], node["repository"]?["id"], node["after"], node["pull_request"]?["number"], node["release"]?["id"], node["deployment"]?["id"]);
    }

    private static void Replace(JsonNode root, int place, JsonNode? value)
    {
        var node = root;
        while (node is JsonObject { Count: > 0 } parent)
        {
            var name = parent.ElementAt(place % parent.Count).Key;
            place /= parent.Count;
            if (parent[name] is JsonObject { Count: > 0 } && place % 4 != 0)
            {
                node = parent[name]!;
                continue;
            }
            parent[name] = value;
            return;
        }
    }
}
