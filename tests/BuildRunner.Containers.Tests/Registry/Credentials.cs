using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Testing;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Registry;

/// <summary>Docker's and Podman's credential files and helpers, and where the credentials in them go.</summary>
public sealed class Credentials : IDisposable
{
    private static readonly TestImage Image = new TestImage().WithLayer(archive => archive.File("file"));
    private static readonly string Right = Convert.ToBase64String("user:right"u8);
    private static readonly string Wrong = Convert.ToBase64String("user:wrong"u8);

    private readonly TestFolder _folder = TestFolder.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{ "auths": { "HOST": { "auth": "RIGHT" } } }""")]
    [InlineData("""{ "auths": { "https://HOST/v1/": { "auth": "RIGHT" } } }""")]
    [InlineData("""{ "auths": { "HOST": { "username": "user", "password": "right" } } }""")]
    [InlineData("""{ "auths": { "HOST": { "auth": "WRONG" }, "HOST/team": { "auth": "WRONG" }, "HOST/team/image": { "auth": "RIGHT" } } }""")]
    [InlineData("""{ "auths": { "HOST": { "auth": "RIGHT" }, "HOST/tea": { "auth": "WRONG" }, "other.example": { "auth": "WRONG" } } }""")]
    [InlineData("""{ "credHelpers": { "HOST": "buildrunner-test" }, "auths": { "HOST": { "auth": "WRONG" } } }""")]
    [InlineData("""{ "credsStore": "buildrunner-test" }""")]
    public async Task A_login_is_found_whichever_way_it_is_kept(string file)
    {
        AddHelper("buildrunner-test", """read server; test "$1 $server" = "get HOST" && echo '{"ServerURL":"x","Username":"user","Secret":"right"}'""");
        await using var registry = Guarded();

        await PullAsync(registry, file);

        Assert.Contains(registry.Requests, request => request.Headers.GetValueOrDefault("Authorization") == $"Basic {Right}");
        Assert.DoesNotContain(registry.Requests, request => request.Headers.GetValueOrDefault("Authorization") == $"Basic {Wrong}");
    }

    [Theory]
    [InlineData("""{ "credsStore": "buildrunner-no-such" }""", "docker-credential-buildrunner-no-such is not installed")]
    [InlineData("""{ "credsStore": "buildrunner-fails" }""", "ended with 3")]
    [InlineData("""{ "credsStore": "buildrunner-babbles" }""", "printed something that is no answer")]
    [InlineData("""{ "credsStore": "../../bin/sh" }""", "is not a name of a credential helper")]
    [InlineData("not json", "cannot be read")]
    public async Task Why_no_login_was_found_is_said_when_one_is_wanted(string file, string words)
    {
        AddHelper("buildrunner-fails", "exit 3");
        AddHelper("buildrunner-babbles", "echo what?");
        await using var registry = Guarded();

        var error = await Assert.ThrowsAsync<ContainerException>(() => PullAsync(registry, file));

        Assert.Equal(ContainerFailure.AccessDenied, error.Reason);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_helper_is_not_started_where_the_settings_forbid_it()
    {
        AddHelper("buildrunner-marks", $"touch {_folder["started"]}");
        await using var registry = Guarded();

        await Assert.ThrowsAsync<ContainerException>(() => PullAsync(registry, """{ "credsStore": "buildrunner-marks" }""", options => options with { UseCredentialHelpers = false }));

        Assert.False(File.Exists(_folder["started"]));
    }

    [Fact]
    public async Task An_identity_token_is_exchanged_at_the_token_server_and_shown_to_nobody_else()
    {
        string? host = null;
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            if (request is { Method: "POST", Path: "/token" })
            {
                var form = Encoding.UTF8.GetString(request.Body);
                Assert.Contains("grant_type=refresh_token", form, StringComparison.Ordinal);
                Assert.Contains("refresh_token=identity", form, StringComparison.Ordinal);
                Assert.Contains("scope=repository%3Ateam%2Fimage%3Apull", form, StringComparison.Ordinal);
                await answer.SendAsync(200, """{"access_token":"abc"}"""u8.ToArray());
                return true;
            }

            if (request.Headers.GetValueOrDefault("Authorization") != "Bearer abc")
            {
                await answer.SendAsync(401, [], ("WWW-Authenticate", $"Bearer realm=\"http://{host}/token\",service=\"test\""));
                return true;
            }

            return false;
        });
        host = registry.Host;

        await PullAsync(registry, """{ "auths": { "HOST": { "identitytoken": "identity" } } }""");

        Assert.All(registry.Requests.Where(request => request.Path != "/token"), request => Assert.DoesNotContain("identity", request.Headers.GetValueOrDefault("Authorization") ?? "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_login_of_a_registry_is_not_shown_to_its_mirror()
    {
        await using var registry = Guarded();
        var reference = registry.Serve(Image, "team/image");
        await using var mirror = Guarded();
        mirror.Serve(Image, "team/image");
        await File.WriteAllTextAsync(_folder["config.json"], Fill("""{ "auths": { "HOST": { "auth": "RIGHT" } } }""", registry), Cancellation);
        var options = Options() with { Mirrors = new Dictionary<string, IReadOnlyList<Uri>> { [registry.Host] = [new($"http://{mirror.Host}")] } };
        using var store = new ImageStore(_folder["store"], new ImageStoreOptions { Registry = options }, TimeProvider.System);

        await store.PullAsync(reference, new PullOptions(), null, Cancellation);

        Assert.NotEmpty(mirror.Requests);
        Assert.All(mirror.Requests, request => Assert.False(request.Headers.ContainsKey("Authorization")));
    }

    private static FakeRegistry Guarded() => FakeRegistry.Start(async (request, answer) =>
    {
        if (request.Headers.GetValueOrDefault("Authorization") == $"Basic {Right}")
        {
            return false;
        }

        await answer.SendAsync(401, [], ("WWW-Authenticate", "Basic realm=\"test\""));
        return true;
    });

    private static string Fill(string text, FakeRegistry registry) =>
        text.Replace("HOST", registry.Host, StringComparison.Ordinal).Replace("RIGHT", Right, StringComparison.Ordinal).Replace("WRONG", Wrong, StringComparison.Ordinal);

    private RegistryOptions Options() => new() { CredentialFile = _folder["config.json"], FirstPause = TimeSpan.FromMilliseconds(1), Attempts = 2 };

    private async Task PullAsync(FakeRegistry registry, string file, Func<RegistryOptions, RegistryOptions>? change = null)
    {
        var reference = registry.Serve(Image, "team/image");
        await File.WriteAllTextAsync(_folder["config.json"], Fill(file, registry), Cancellation);
        foreach (var helper in Directory.Exists(_folder["bin"]) ? Directory.EnumerateFiles(_folder["bin"]) : [])
        {
            await File.WriteAllTextAsync(helper, Fill(await File.ReadAllTextAsync(helper, Cancellation), registry), Cancellation);
        }

        using var store = new ImageStore(_folder["store"], new ImageStoreOptions { Registry = change?.Invoke(Options()) ?? Options() }, TimeProvider.System);
        await store.PullAsync(reference, new PullOptions(), null, Cancellation);
    }

    // Helpers are looked for on the path; nobody else has programs of such names.
    private void AddHelper(string name, string script)
    {
        var path = _folder[$"bin/docker-credential-{name}"];
        Directory.CreateDirectory(_folder["bin"]);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable("PATH", $"{_folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}");
    }
}
