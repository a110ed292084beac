using System.Text;
using System.Text.Json.Nodes;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Triggers;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.Server.Tests.Forge;

public sealed class GitHubForgeTests(GitHubEmulator github) : IClassFixture<GitHubEmulator>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pipeline_files_are_those_of_the_first_place_at_that_commit()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var first = await github.CommitAsync(".woodpecker.yml", "steps: []\n");
        await github.CommitAsync(".buildrunner/b.yml", "b");
        await github.CommitAsync(".buildrunner/readme.md", "no pipeline");
        var second = await github.CommitAsync(".buildrunner/a.yaml", "a: ü\n");

        var before = await forge.Forge.PipelineFilesAsync(place, first, null, Cancel);
        var after = await forge.Forge.PipelineFilesAsync(place, second, null, Cancel);
        Assert.Equal([".woodpecker.yml"], before.Select(file => file.Path));
        Assert.Equal([".buildrunner/a.yaml", ".buildrunner/b.yml"], after.Select(file => file.Path));
        Assert.Equal("a: ü\n", Encoding.UTF8.GetString(after[0].Content.Span));
    }

    [Fact]
    public async Task A_setting_can_name_another_place_and_a_repository_may_have_none()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var commit = await github.CommitAsync("ci/deep/x.yml", "x");
        Assert.Equal(["ci/deep/x.yml"], (await forge.Forge.PipelineFilesAsync(place, commit, "ci/deep/", Cancel)).Select(file => file.Path));
        Assert.Equal(["ci/deep/x.yml"], (await forge.Forge.PipelineFilesAsync(place, commit, "ci/deep/x.yml", Cancel)).Select(file => file.Path));
        Assert.Empty(await forge.Forge.PipelineFilesAsync(place, commit, "nothing/", Cancel));
    }

    [Fact]
    public async Task A_commit_that_is_not_there_is_said_to_be_not_there()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var refused = await Assert.ThrowsAsync<ForgeException>(() => forge.Forge.PipelineFilesAsync(place, new string('1', 40), null, Cancel));
        Assert.Equal(ForgeFault.NotFound, refused.Fault);
        Assert.False(refused.IsTransient);
    }

    [Fact]
    public async Task Changed_files_are_told_by_a_comparison()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var from = await github.CommitAsync("one.txt", Guid.NewGuid().ToString());
        await github.CommitAsync("two.txt", Guid.NewGuid().ToString());
        var to = await github.CommitAsync("three.txt", Guid.NewGuid().ToString());
        Assert.Equal(["three.txt", "two.txt"], await forge.Forge.ChangedFilesAsync(place, from, to, Cancel));
        Assert.Equal(to, await forge.Forge.CommitOfAsync(place, "refs/heads/main", Cancel));
    }

    [Fact]
    public async Task A_commit_is_on_a_branch_if_it_is_its_head_or_before_it()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var before = await github.CommitAsync("one.txt", Guid.NewGuid().ToString());
        await github.BranchAsync("aside");
        var aside = await github.CommitAsync("two.txt", Guid.NewGuid().ToString(), "aside");
        var head = await github.CommitAsync("three.txt", Guid.NewGuid().ToString());
        Assert.True(await forge.Forge.IsOnBranchAsync(place, "main", head, Cancel));
        Assert.True(await forge.Forge.IsOnBranchAsync(place, "main", before, Cancel));
        Assert.True(await forge.Forge.IsOnBranchAsync(place, "aside", aside, Cancel));
        Assert.False(await forge.Forge.IsOnBranchAsync(place, "main", aside, Cancel));
        Assert.False(await forge.Forge.IsOnBranchAsync(place, "nothing", head, Cancel));
    }

    [Fact]
    public async Task Only_who_may_write_and_has_the_right_number_may_approve()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var kim = (long)(await github.AsKimAsync(HttpMethod.Get, "users/kim"))["id"]!;
        var stranger = (long)(await github.AsKimAsync(HttpMethod.Get, "users/stranger"))["id"]!;
        Assert.True(await forge.Forge.MayWriteAsync(place, new Person(kim, "kim"), Cancel));
        Assert.False(await forge.Forge.MayWriteAsync(place, new Person(stranger, "kim"), Cancel));
        Assert.False(await forge.Forge.MayWriteAsync(place, new Person(stranger, "stranger"), Cancel));
        Assert.False(await forge.Forge.MayWriteAsync(place, new Person(99999, "nobody-of-that-name"), Cancel));
    }

    [Fact]
    public async Task Tokens_are_for_one_repository_and_one_purpose_and_are_kept()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var before = (await TokensAsync()).Count;
        var token = await forge.Forge.CloneTokenAsync(place, Cancel);
        Assert.Equal(token, await forge.Forge.CloneTokenAsync(place, Cancel));
        var made = (await TokensAsync()).Skip(before).ToList();
        Assert.Single(made);
        Assert.Contains("\"contents\":\"read\"", made[0]!["permissions"]!.ToJsonString());
        Assert.Single(made[0]!["permissions"]!.AsObject());
        Assert.Equal($"[{place.Repository}]", made[0]!["repository_ids"]!.ToJsonString());
    }

    [Fact]
    public async Task A_token_is_made_anew_before_it_ends_and_after_it_was_refused()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync();
        var first = await forge.Tokens.GetAsync(place, TokenPurpose.Checks, Cancel);
        forge.Tokens.Forget(place, TokenPurpose.Checks);
        Assert.NotEqual(first, await forge.Tokens.GetAsync(place, TokenPurpose.Checks, Cancel));
        var later = new Parts(github.Options());
        var second = await later.Tokens.GetAsync(place, TokenPurpose.Checks, Cancel);
        later.Clock.Advance(TimeSpan.FromMinutes(51));
        Assert.NotEqual(second, await later.Tokens.GetAsync(place, TokenPurpose.Checks, Cancel));
    }

    [Fact]
    public async Task Without_an_installation_the_message_says_what_to_do()
    {
        var forge = new Parts(github.Options());
        var place = await github.PlaceAsync() with { Installation = null };
        var refused = await Assert.ThrowsAsync<ForgeException>(() => forge.Forge.CloneTokenAsync(place, Cancel));
        Assert.Contains("install it", refused.Message);
    }

    private async Task<JsonArray> TokensAsync()
    {
        var answer = await github.AsKimAsync(HttpMethod.Get, "_emulate/installation-tokens");
        return answer as JsonArray ?? answer.AsObject().First(pair => pair.Value is JsonArray).Value!.AsArray();
    }
}
