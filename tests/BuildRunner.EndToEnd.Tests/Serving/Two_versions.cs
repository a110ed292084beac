using BuildRunner.Testing;
using BuildRunner.Testing.Git;
using BuildRunner.Testing.Services;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>The release as an agent of servers that are one and two minor versions later: real programs, built for this. Takes minutes, so it runs on demand.</summary>
public sealed class Two_versions : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    public void Dispose() => folder.Dispose();

    [Fact(Explicit = true)]
    public async Task An_agent_one_minor_version_older_works_and_an_older_one_ends_and_says_what_to_do()
    {
        var own = (await Release.RunAsync("version")).Output.Split(' ')[1].Split('.');
        var (major, minor) = (own[0], int.Parse(own[1], System.Globalization.CultureInfo.InvariantCulture));
        await using (var next = await Service.ApartAsync(folder, await BuildAsync($"{major}.{minor + 1}.0")))
        {
            var shop = TestRepository.Create(folder["repos"], "shop");
            shop.Commit(".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: rootfs:/\n    commands: [ 'echo hello' ]\n");
            await next.AddAsync("acme/shop", folder["repos/shop.git"]);
            await (await next.RunAsync("acme/shop")).EndedAsAsync("success", "build");
        }

        var later = $"{major}.{minor + 2}.0";
        await using var after = await Service.ApartAsync(folder, await BuildAsync(later));
        var refused = await after.Agent.EndAsync(TimeSpan.FromMinutes(2));
        Assert.NotEqual(0, refused.Code);
        Assert.Contains($"install version {later} on the agent's machine", refused.All, StringComparison.Ordinal);
    }

    // In a folder of its own, so that what is built in the checkout stays as it is.
    private async Task<string> BuildAsync(string version)
    {
        var target = folder[$"build-{version}"];
        await OwnedProcess.RunAsync(
            ["dotnet", "publish", Path.Combine(Release.Root, "src", "BuildRunner"), "-c", "Release", "-v", "q", "--nologo", $"-p:Version={version}", "-p:PublishReadyToRun=false", "-p:RunAnalyzersDuringBuild=false",
                "--artifacts-path", Path.Combine(target, "obj"), "-o", Path.Combine(target, "app")],
            user: null);
        return Path.Combine(target, "app", "buildrunner");
    }
}
