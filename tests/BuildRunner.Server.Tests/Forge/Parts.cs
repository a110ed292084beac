using BuildRunner.Server.Forge;
using BuildRunner.Server.Forge.Checks;
using BuildRunner.Server.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>BuildRunner's side of GitHub, put together.</summary>
internal sealed class Parts
{
    public Parts(GitHubOptions options)
    {
        Clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var connections = new GitHubConnections(options);
        Tokens = new(new GitHubLogin(options, new WebhookOptions()), connections, Clock);
        Forge = new(connections, Tokens, Clock);
        Checks = new(connections, Tokens, Clock);
    }

    public FakeTimeProvider Clock { get; }

    public GitHubTokens Tokens { get; }

    public GitHubForge Forge { get; }

    public GitHubChecks Checks { get; }
}
