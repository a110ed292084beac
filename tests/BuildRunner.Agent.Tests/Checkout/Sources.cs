using BuildRunner.Agent.Checkout;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Tests.Checkout;

public sealed class Sources
{
    [Theory]
    [InlineData("https://forge.example/acme/shop.git", "https://forge.example/acme/shop.git")]
    [InlineData("https://forge.example:8443/acme/shop", "https://forge.example:8443/acme/shop")]
    [InlineData("ssh://git@forge.example:2222/acme/shop.git", "ssh://git@forge.example:2222/acme/shop.git")]
    [InlineData("git@forge.example:acme/shop.git", "ssh://git@forge.example/acme/shop.git")]
    [InlineData("/srv/git/shop.git", "/srv/git/shop.git")]
    public void These_are_cloned(string text, string expected) => Assert.Equal(expected, SourceUrl.Parse(text, ["/srv/git"]).Text);

    [Theory]
    [InlineData("ext::sh -c touch% /tmp/x")]
    [InlineData("ext::sh")]
    [InlineData("--upload-pack=touch /tmp/x")]
    [InlineData("-oProxyCommand=touch")]
    [InlineData("ssh://-oProxyCommand=touch/x")]
    [InlineData("git@-oProxyCommand=touch:x")]
    [InlineData("file:///etc")]
    [InlineData("http://forge.example/acme/shop.git")]
    [InlineData("git://forge.example/acme/shop.git")]
    [InlineData("fd::3")]
    [InlineData("https://user:token@forge.example/acme/shop.git")]
    [InlineData("/etc")]
    [InlineData("/srv/git/../../etc")]
    [InlineData("https://forge.example/a\nb")]
    [InlineData("shop.git")]
    public void These_are_not(string text) => Assert.Equal(ContainerFailure.AccessDenied, Assert.Throws<ContainerException>(() => SourceUrl.Parse(text, ["/srv/git"])).Reason);

    [Fact]
    public void A_credential_in_an_address_is_not_told_to_anybody() =>
        Assert.DoesNotContain("token", Assert.Throws<ContainerException>(() => SourceUrl.Parse("https://user:token@forge.example/x", [])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("../lib.git", "https://forge.example/acme/lib.git")]
    [InlineData("./lib.git", "https://forge.example/acme/shop.git/lib.git")]
    [InlineData("../../other/lib.git", "https://forge.example/other/lib.git")]
    [InlineData("https://elsewhere.example/lib.git", "https://elsewhere.example/lib.git")]
    public void A_submodules_address_may_be_relative(string text, string expected) =>
        Assert.Equal(expected, SourceUrl.Parse("https://forge.example/acme/shop.git", []).Resolve(text, []).Text);

    [Theory]
    [InlineData("../../../../etc")]
    [InlineData("ext::sh")]
    [InlineData("/etc")]
    public void A_submodule_leads_nowhere_else(string text) =>
        Assert.Throws<ContainerException>(() => SourceUrl.Parse("https://forge.example/acme/shop.git", []).Resolve(text, []));
}
