using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using BuildRunner.Testing;
using BuildRunner.Testing.Git;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Images of a registry that wants a password: what the server keeps for a repository opens it to the pulls of that repository, and to nothing else.</summary>
public sealed class Private_images : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_repositorys_credentials_open_them_to_its_steps_and_services_and_nobody_elses_even_when_they_are_on_the_machine()
    {
        await using var registry = await RegistryServer.StartAsync(new RegistryServerOptions { NeedsPassword = true }, TestContext.Current.CancellationToken);
        await registry.PushAsync(TestImage.Busybox, "tools", "1", TestContext.Current.CancellationToken);
        await registry.PushAsync(TestImage.Busybox.WithSetting("Labels", new JsonObject { ["of"] = "service" }), "helper", "1", TestContext.Current.CancellationToken);
        await using var service = await Service.ApartAsync(folder, ("Server:MetricsToken", "abc"), ("Agent:LeaseRenew", "4s"));
        _ = await MetricsAsync(service, "buildrunner_build_info");
        foreach (var name in new[] { "shop", "other" })
        {
            var repository = TestRepository.Create(folder["repos"], name);
            repository.Commit(".buildrunner.yml", $$"""
                skip_clone: true
                services:
                  - name: helper
                    image: {{registry.Host}}/helper:1
                    commands: [ 'env; sleep 1000' ]
                steps:
                  - name: build
                    image: {{registry.Host}}/tools:1
                    commands:
                      - echo ran
                      - env
                      - cat /proc/self/mountinfo
                      - '! grep -rs opensesam[e] /.buildrunner* /run /tmp /root /etc .'
                """);
            await service.AddAsync($"acme/{name}", repository.Bare);
        }

        var refused = await (await service.RunAsync("acme/shop")).EndedAsAsync("error");
        Assert.Contains("does not give the image", refused.Told, StringComparison.Ordinal);
        Assert.Contains($"buildrunner registry set {registry.Host} --user NAME --repo acme/shop", refused.Told, StringComparison.Ordinal);

        var path = $"/api/v1/repos/acme/shop/registries/{registry.Host}";
        await service.SendAsync(HttpMethod.Put, path, new JsonObject { ["user"] = RegistryServer.User, ["password"] = "wrong" });
        Assert.Contains("refuses the image", (await (await service.RunAsync("acme/shop")).EndedAsAsync("error")).Told, StringComparison.Ordinal);

        await service.SendAsync(HttpMethod.Put, path, new JsonObject { ["user"] = RegistryServer.User, ["password"] = RegistryServer.Password });
        var ran = await (await service.RunAsync("acme/shop")).EndedAsAsync("success", "build", "helper");
        var log = await ran.LogAsync("build");
        Assert.Contains("ran", log, StringComparison.Ordinal);
        Assert.DoesNotContain(RegistryServer.Password, log + await ran.LogAsync("helper") + ran.Told + service.Said, StringComparison.Ordinal);

        // Both images are on the agent's machine now.
        var others = await (await service.RunAsync("acme/other")).EndedAsAsync("error");
        Assert.Contains("it is private", others.Told, StringComparison.Ordinal);
        Assert.Contains("--repo acme/other", others.Told, StringComparison.Ordinal);

        await (await service.RunAsync("acme/shop")).EndedAsAsync("success");
        var metrics = await MetricsAsync(service, "buildrunner_image_cache_hits");
        Assert.Matches(@"(?m)^buildrunner_image_pull_bytes\S* [1-9]", metrics);
    }

    // Agents tell with their next heartbeat; the numbers are made only once somebody has asked for them.
    private static async Task<string> MetricsAsync(Service service, string name)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "abc");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        while (true)
        {
            var text = await http.GetStringAsync(new Uri(service.Http.BaseAddress!, "/metrics"), patience.Token);
            if (text.Contains(name, StringComparison.Ordinal))
            {
                return text;
            }

            await Task.Delay(100, patience.Token);
        }
    }
}
