using BuildRunner.Server.Forge;

namespace BuildRunner.Server.Tests.Forge;

public sealed class GitHubOptionsTests
{
    [Theory]
    [InlineData("https://api.github.com", "https://api.github.com/")]
    [InlineData("https://github.example", "https://github.example/api/v3/")]
    [InlineData("https://github.example:8443/", "https://github.example:8443/api/v3/")]
    [InlineData("https://github.example/api/v3", "https://github.example/api/v3/")]
    [InlineData("https://api.acme.ghe.com", "https://api.acme.ghe.com/")]
    [InlineData("http://127.0.0.1:4000", "http://127.0.0.1:4000/")]
    public void Of_an_enterprise_server_the_host_is_enough(string given, string expected)
    {
        var options = new GitHubOptions { ApiUrl = given };
        Assert.Empty(options.Problems());
        Assert.Equal(expected, options.Api.AbsoluteUri);
    }

    [Theory]
    [InlineData("http://github.example")]
    [InlineData("github.example")]
    [InlineData("ftp://github.example")]
    public void An_address_that_is_not_https_is_refused_with_the_setting(string given) =>
        Assert.Contains("GitHub:ApiUrl must be an https address", Assert.Single(new GitHubOptions { ApiUrl = given }.Problems()));
}
