using BuildRunner.Server.Secrets;

namespace BuildRunner.Server.Tests.Secrets;

public sealed class SecretPolicyTests
{
    private static readonly SecretLevel Installation = new SecretLevel.Installation();
    private static readonly SecretLevel Organisation = new SecretLevel.Organisation("acme");
    private static readonly SecretLevel Repository = new SecretLevel.Repository(Guid.Empty);

    private static readonly SecretAudience Push = new() { Event = "push", Branch = "main", Image = "alpine", RunsImageAsItIs = false };

    [Fact]
    public void The_nearest_secret_of_a_name_counts()
    {
        StoredSecret[] all = [Secret(Installation), Secret(Repository), Secret(Organisation)];
        Assert.Same(all[1], SecretPolicy.Select(["TOKEN"], all, Push).Granted["TOKEN"]);
        Assert.Same(all[2], SecretPolicy.Select(["token"], [all[0], all[2]], Push).Granted["token"]);
    }

    [Fact]
    public void A_near_secret_that_is_not_allowed_hides_a_far_one_that_is()
    {
        var near = Secret(Repository, new() { Events = ["tag"] });
        var grants = SecretPolicy.Select(["token"], [near, Secret(Installation)], Push);
        Assert.Empty(grants.Granted);
        Assert.Contains("'events' allows tag, this is push", grants.Refused["token"]);
    }

    [Fact]
    public void A_stranger_gets_none_whatever_its_rules()
    {
        var grants = SecretPolicy.Select(["token"], [Secret(Repository)], Push with { Withheld = "this pull request comes from a fork" });
        Assert.Empty(grants.Granted);
        Assert.Contains("comes from a fork", grants.Refused["token"]);
    }

    [Fact]
    public void A_name_that_nobody_set_is_refused_with_the_command_that_sets_it() =>
        Assert.Contains("buildrunner secret set other", SecretPolicy.Select(["other"], [Secret(Repository)], Push).Refused["other"]);

    [Theory]
    [InlineData("main", "main", true)]
    [InlineData("main", "main2", false)]
    [InlineData("main", "Main", false)]
    [InlineData("release/*", "release/1.0", true)]
    [InlineData("release/*", "prerelease/1.0", false)]
    [InlineData("main", "", false)]
    public void Branches_are_patterns(string pattern, string branch, bool granted) =>
        Assert.Equal(granted, Granted(new() { Branches = [pattern] }, Push with { Branch = branch }));

    [Theory]
    [InlineData("plugins/docker", "plugins/docker", true)]
    [InlineData("plugins/docker", "plugins/docker:20", true)]
    [InlineData("plugins/docker", "docker.io/plugins/docker@sha256:00", true)]
    [InlineData("plugins/docker", "docker://index.docker.io/plugins/docker:20", true)]
    [InlineData("plugins/docker:20", "plugins/docker:20", true)]
    [InlineData("plugins/docker:latest", "plugins/docker", true)]
    [InlineData("alpine", "docker.io/library/alpine:3", true)]
    [InlineData("localhost:5000/a", "localhost:5000/a:1", true)]
    [InlineData("plugins/docker:20", "plugins/docker:21", false)]
    [InlineData("plugins/docker", "evil/docker", false)]
    [InlineData("plugins/docker", "evil.example/plugins/docker", false)]
    [InlineData("plugins/docker", "plugins/docker2", false)]
    [InlineData("plugins/docker", "plugins/docker/evil", false)]
    [InlineData("plugins/docker@sha256:00", "plugins/docker", false)]
    [InlineData("plugins/docker", "oci:plugins/docker", false)]
    [InlineData("plugins/docker", "rootfs:plugins/docker", false)]
    [InlineData("plugins/docker:", "plugins/docker:", false)]
    public void An_image_list_means_images_as_registries_do(string pattern, string image, bool granted) =>
        Assert.Equal(granted, Granted(new() { Images = [pattern] }, Push with { Image = image, RunsImageAsItIs = true }));

    [Fact]
    public void A_secret_for_an_image_is_not_for_commands_in_that_image() =>
        Assert.False(Granted(new() { Images = ["alpine"] }, Push with { Image = "alpine", RunsImageAsItIs = false }));

    private static bool Granted(SecretRules rules, SecretAudience audience) => SecretPolicy.Select(["token"], [Secret(Repository, rules)], audience).Granted.Count == 1;

    private static StoredSecret Secret(SecretLevel level, SecretRules? rules = null) => new(level, "token", default, rules ?? new());
}
