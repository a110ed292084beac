using System.Net;
using System.Threading.RateLimiting;
using BuildRunner.Server.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BuildRunner.Server.Tests.Api;

/// <summary>Who calls too often is refused before anything is done for the call, and only that one.</summary>
public sealed class How_often_somebody_may_call : IAsyncDisposable
{
    private const int Endless = 1_000_000;
    private readonly ServiceProvider services = new ServiceCollection().AddRequestLimits().BuildServiceProvider();

    private PartitionedRateLimiter<HttpContext> Limiter => services.GetRequiredService<IOptions<RateLimiterOptions>>().Value.GlobalLimiter!;

    public ValueTask DisposeAsync() => services.DisposeAsync();

    [Theory]
    [InlineData("/hooks/github", 1_000)]
    [InlineData("/Hooks/in/deploy", 1_000)]
    [InlineData("/api/v1/runs", 100)]
    [InlineData("/login", 100)]
    [InlineData("/agent/v1/hello", 100)]
    public async Task Of_one_address_a_burst_passes_and_a_flood_does_not_and_others_do_not_suffer(string path, int burst)
    {
        var taken = await UntilRefusedAsync(path, "192.0.2.1");
        Assert.InRange(taken, burst, Endless - 1);
        Assert.True(await PassesAsync(path, "192.0.2.2"));
        Assert.True(await PassesAsync(path, "2001:db8::1"));
    }

    [Fact]
    public async Task Webhooks_that_are_refused_take_nothing_from_people_at_the_same_address()
    {
        await UntilRefusedAsync("/hooks/github", "192.0.2.1");
        Assert.True(await PassesAsync("/api/v1/runs", "192.0.2.1"));
        Assert.True(await PassesAsync("/healthz", "192.0.2.1"));
    }

    // Permits come back while this goes on, so that how many are taken is not exact.
    private async Task<int> UntilRefusedAsync(string path, string address)
    {
        var taken = 0;
        while (taken < Endless && await PassesAsync(path, address))
        {
            taken++;
        }

        return taken;
    }

    private async Task<bool> PassesAsync(string path, string address)
    {
        var http = new DefaultHttpContext();
        http.Request.Path = path;
        http.Connection.RemoteIpAddress = IPAddress.Parse(address);
        using var lease = await Limiter.AcquireAsync(http);
        return lease.IsAcquired;
    }
}
