using System.Text;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>Images of a real registry, from a person's point of view.</summary>
public sealed class Pulled_images : IAsyncLifetime
{
    private readonly Tree _home = new();
    private RegistryServer _registry = null!;

    public async ValueTask InitializeAsync() => _registry = await RegistryServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task A_step_runs_on_a_pulled_image_and_the_next_step_finds_it_pristine()
    {
        await PushAsync("tools:1", TestImage.Busybox);
        var run = await RunAsync($"""
            steps:
              - name: spoil
                image: {_registry.Host}/tools:1
                commands:
                  - echo kept > kept.txt
                  - rm /bin/cat && echo spoilt > /etc-spoilt
              - name: look
                image: {_registry.Host}/tools:1
                commands:
                  - cat kept.txt
                  - test ! -e /etc-spoilt
            """);

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("look  │ kept", run.Error);
        Assert.Contains("@sha256:", run.Error);
    }

    [Fact]
    public async Task The_images_own_user_writes_to_the_workspace()
    {
        await PushAsync("plain-user:1", TestImage.Busybox.WithSetting("User", "1000:1000"));
        var run = await RunAsync($"""
            steps:
              - name: who
                image: {_registry.Host}/plain-user:1
                commands:
                  - echo "uid $(id -u)"
                  - echo mine > mine.txt
                  - cat mine.txt
            """);

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("uid 1000", run.Error);
        Assert.Contains("mine", run.Error);
    }

    [Fact]
    public async Task Images_are_pulled_listed_and_removed()
    {
        await PushAsync("tools:1", TestImage.Busybox);
        var name = $"{_registry.Host}/tools:1";

        var pull = await ImageAsync("pull", name);
        Assert.True(pull.Code == 0, pull.All);
        Assert.Contains(name, (await ImageAsync("ls")).Output);

        var remove = await ImageAsync("rm", name);
        Assert.True(remove.Code == 0, remove.All);
        Assert.DoesNotContain(name, (await ImageAsync("ls")).Output);
    }

    [Fact]
    public async Task An_image_that_does_not_exist_is_named_with_its_registry()
    {
        var run = await RunAsync($"steps:\n  - name: a\n    image: {_registry.Host}/nothing:1\n    commands: [\"true\"]\n");
        Assert.Equal(5, run.Code);
        Assert.Contains($"{_registry.Host}/nothing:1", run.Error);
    }

    [Fact]
    public async Task A_registry_with_passwords_takes_those_of_dockers_file()
    {
        await using var locked = await RegistryServer.StartAsync(new RegistryServerOptions { NeedsPassword = true }, TestContext.Current.CancellationToken);
        await locked.PushAsync(TestImage.Busybox, "private", "1", TestContext.Current.CancellationToken);
        var pipeline = $"steps:\n  - name: a\n    image: {locked.Host}/private:1\n    commands: [echo inside]\n";

        var refused = await RunAsync(pipeline);
        Assert.Equal(5, refused.Code);
        Assert.Contains(locked.Host, refused.Error);

        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RegistryServer.User}:{RegistryServer.Password}"));
        await File.WriteAllTextAsync(_home["config.json"], $$"""{ "auths": { "{{locked.Host}}": { "auth": "{{basic}}" } } }""", TestContext.Current.CancellationToken);
        var allowed = await RunAsync(pipeline);
        Assert.True(allowed.Code == 0, allowed.All);
        Assert.Contains("inside", allowed.Error);
        Assert.DoesNotContain(RegistryServer.Password, allowed.All);
    }

    private async Task PushAsync(string name, TestImage image) => await _registry.PushAsync(image, name.Split(':')[0], name.Split(':')[1], TestContext.Current.CancellationToken);

    private async Task<Finished> RunAsync(string pipeline)
    {
        using var tree = new Tree(("ci.yml", pipeline));
        await using var running = Release.Start(tree.Path, Environment(), "run", "ci.yml");
        return await running.EndAsync(TimeSpan.FromMinutes(2));
    }

    private async Task<Finished> ImageAsync(params string[] arguments)
    {
        await using var running = Release.Start(_home.Path, Environment(), ["image", .. arguments]);
        return await running.EndAsync(TimeSpan.FromMinutes(1));
    }

    private Dictionary<string, string?> Environment() => new()
    {
        ["BUILDRUNNER_IMAGES__DIR"] = _home["images"],
        ["DOCKER_CONFIG"] = _home.Path,
        ["XDG_RUNTIME_DIR"] = _home.Path,
    };
}
