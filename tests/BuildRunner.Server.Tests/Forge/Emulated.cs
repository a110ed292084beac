using BuildRunner.Server.Forge;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>The emulator as BuildRunner's own types know it.</summary>
internal static class Emulated
{
    /// <summary>What BuildRunner is set to, to speak to it.</summary>
    public static GitHubOptions Options(this GitHubEmulator github, Uri? through = null)
    {
        github.Needed();
        return new() { ApiUrl = (through ?? github.Address).AbsoluteUri, AppId = GitHubEmulator.App, PrivateKey = github.PrivateKey };
    }

    /// <summary>The repository as BuildRunner knows it.</summary>
    public static async Task<ForgePlace> PlaceAsync(this GitHubEmulator github) =>
        new((long)(await github.AsKimAsync(HttpMethod.Get, "repos/kim/shop"))["id"]!, "kim/shop", GitHubEmulator.Installation);
}
