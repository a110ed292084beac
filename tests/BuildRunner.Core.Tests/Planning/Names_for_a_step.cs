using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

/// <summary><c>extra_hosts</c>, <c>dns</c> and <c>dns_search</c>.</summary>
public sealed class Names_for_a_step
{
    [Theory]
    [InlineData("db:10.0.0.5", "db:10.0.0.5")]
    [InlineData("db=10.0.0.5", "db:10.0.0.5")]
    [InlineData("db.example.com:2001:db8::1", "db.example.com:2001:db8::1")]
    [InlineData("db=[2001:db8::1]", "db:2001:db8::1")]
    [InlineData("db:2001:db8:1:2:3:4:5:6", "db:2001:db8:1:2:3:4:5:6")]
    public void A_host_is_written_as_for_docker(string text, string planned)
    {
        Assert.True(HostEntry.TryParse(text, out var entry, out _));
        Assert.Equal(planned, entry.ToString());
        Assert.Equal([planned], Plans.StepWith($"commands: id\nextra_hosts: ['{text}']").ExtraHosts);
    }

    [Theory]
    [InlineData("")]
    [InlineData("db")]
    [InlineData(":10.0.0.5")]
    [InlineData("10.0.0.5")]
    [InlineData("a b:10.0.0.5")]
    [InlineData("db:", "`` is no IP address")]
    [InlineData("db:other", "`other` is no IP address")]
    [InlineData("db:10.0.0.5:80", "`10.0.0.5:80` is no IP address")]
    [InlineData("db:10.5", "`10.5` is no IP address")]
    [InlineData("db:1", "`1` is no IP address")]
    [InlineData("db:[10.0.0.5]", "`[10.0.0.5]` is no IP address")]
    [InlineData("db:[2001:db8::1]:80", "is no IP address")]
    [InlineData("db:10.0.0.5\n10.0.0.6 other", "is no IP address")]
    [InlineData("host.docker.internal:host-gateway", "no way to the machine that it runs on")]
    public void What_is_wrong_with_a_host_is_said(string text, string problem = "must be `name:address`")
    {
        Assert.False(HostEntry.TryParse(text, out _, out var said));
        Assert.Contains(problem, said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("extra_hosts: [db]", "`db` must be `name:address`")]
    [InlineData("dns: [10.0.0.1, resolver]", "`resolver` must be the IP address of a name server")]
    [InlineData("dns_search: ['a domain']", "`a domain` must be a domain")]
    public void A_mistake_is_an_error_at_its_place(string key, string problem)
    {
        var error = Assert.Single(Plans.Errors($"steps: {{a: {{image: alpine, commands: id, {key}}}}}"));
        Assert.StartsWith(problem, error.Message, StringComparison.Ordinal);
        Assert.True(error.Location.Column > "steps: {a: {image: alpine, commands: id, ".Length);
    }

    [Fact]
    public void Servers_and_domains_are_in_the_plan_as_resolvers_read_them()
    {
        var step = Plans.StepWith("commands: id\ndns: ['10.0.0.1', '[2001:db8::53]']\ndns_search: [., corp.example.]");
        Assert.Equal(["10.0.0.1", "2001:db8::53"], step.Dns);
        Assert.Equal([".", "corp.example."], step.DnsSearch);
    }
}
