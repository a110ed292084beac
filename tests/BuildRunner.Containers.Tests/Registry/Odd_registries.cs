using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Registry;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Registry;

public sealed class Odd_registries : IDisposable
{
    private static readonly TestImage Image = OddPulls.Image;
    private readonly OddPulls _pulls = new();

    public void Dispose() => _pulls.Dispose();

    [Fact]
    public async Task A_transfer_that_is_cut_goes_on_where_it_was()
    {
        var blob = Image.Layers[0].Blob;
        var cuts = 0;
        await using var registry = OddPulls.Serve(request => OddPulls.IsLayer(request) && cuts++ < 1, async (_, answer) =>
        {
            await answer.SendHeadAsync(200, blob.Length);
            await answer.SendBytesAsync(blob.AsMemory(0, 100_000));
            answer.IsLast = true;
        });

        var resolved = await _pulls.PullAsync(registry.Serve(Image));

        Assert.Equal(300_000, new FileInfo($"{resolved.LayerDirectories[0]}/file").Length);
        Assert.Equal("bytes=100000-", registry.Requests.Last(OddPulls.IsLayer).Headers["Range"]);
    }

    [Fact]
    public async Task Without_ranges_a_cut_transfer_is_read_again_from_the_start()
    {
        var blob = Image.Layers[0].Blob;
        var cuts = 0;
        await using var registry = OddPulls.Serve(OddPulls.IsLayer, async (_, answer) =>
        {
            await answer.SendHeadAsync(200, blob.Length);
            await answer.SendBytesAsync(blob.AsMemory(0, cuts == 0 ? 100_000 : blob.Length));
            answer.IsLast = cuts++ == 0;
        });

        await _pulls.PullAsync(registry.Serve(Image));

        Assert.Equal(2, cuts);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    [InlineData(500)]
    public async Task A_failure_that_passes_is_tried_again(int status)
    {
        var failures = 0;
        await using var registry = OddPulls.Serve(request => OddPulls.IsManifest(request) && failures++ < 2, (_, answer) => answer.SendAsync(status, [], ("Retry-After", "0")));

        await _pulls.PullAsync(registry.Serve(Image));

        Assert.Equal(3, failures);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pause_that_a_registry_asks_for_is_made_before_the_next_try(bool asDate)
    {
        var asked = new List<long>();
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            if (!OddPulls.IsManifest(request))
            {
                return false;
            }

            asked.Add(TimeProvider.System.GetTimestamp());
            if (asked.Count > 1)
            {
                return false;
            }

            await answer.SendAsync(503, [], ("Retry-After", asDate ? $"{TimeProvider.System.GetUtcNow().AddSeconds(3):R}" : "2"));
            return true;
        });
        // With time for an answer, so that nothing is tried again because the machine is slow.
        await _pulls.PullAsync(registry.Serve(Image), null, options => options with { IdleTimeout = TimeSpan.FromSeconds(60), ConnectTimeout = TimeSpan.FromSeconds(60) });

        // A date has no fractions of a second. Without being asked there is a pause of a few milliseconds.
        Assert.InRange(TimeProvider.System.GetElapsedTime(asked[0], asked[1]).TotalSeconds, 1.5, double.MaxValue);
    }

    [Fact]
    public async Task A_registry_that_asks_for_an_hour_is_not_waited_for()
    {
        await using var registry = OddPulls.Serve(_ => true, (_, answer) => answer.SendAsync(429, """{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}"""u8.ToArray(), ("Retry-After", "3600")));

        var error = await _pulls.FailsAsync(registry.Serve(Image));

        Assert.Equal(ContainerFailure.RegistryUnavailable, error.Reason);
        Assert.True(error.IsTransient);
        Assert.Contains("pull rate limit", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_longer_than_promised_is_refused()
    {
        var blob = Image.Layers[0].Blob;
        await using var registry = OddPulls.Serve(OddPulls.IsLayer, async (_, answer) =>
        {
            await answer.SendBytesAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray());
            for (var sent = 0; sent <= blob.Length; sent += 100_000)
            {
                await answer.SendBytesAsync(Encoding.ASCII.GetBytes("186A0\r\n"));
                await answer.SendBytesAsync(new byte[100_000]);
                await answer.SendBytesAsync("\r\n"u8.ToArray());
            }

            await answer.StallAsync();
        });

        Assert.Equal(ContainerFailure.CorruptImage, (await _pulls.FailsAsync(registry.Serve(Image))).Reason);
    }

    [Fact]
    public async Task A_manifest_without_end_is_refused_at_its_bound()
    {
        await using var registry = OddPulls.Serve(OddPulls.IsManifest, async (_, answer) =>
        {
            await answer.SendBytesAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"u8.ToArray());
            while (true)
            {
                await answer.SendBytesAsync(new byte[100_000]);
            }
        });

        Assert.Contains("larger than", (await _pulls.FailsAsync(registry.Serve(Image))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Headers_without_end_are_refused_at_their_bound()
    {
        await using var registry = OddPulls.Serve(_ => true, async (_, answer) =>
        {
            await answer.SendBytesAsync("HTTP/1.1 200 OK\r\n"u8.ToArray());
            while (true)
            {
                await answer.SendBytesAsync(Encoding.ASCII.GetBytes($"X-Header: {new string('x', 1000)}\r\n"));
            }
        });

        Assert.Equal(ContainerFailure.RegistryUnavailable, (await _pulls.FailsAsync(registry.Serve(Image))).Reason);
    }

    [Fact]
    public async Task A_registry_that_stalls_is_given_up()
    {
        await using var registry = OddPulls.Serve(OddPulls.IsLayer, async (_, answer) =>
        {
            await answer.SendHeadAsync(200, Image.Layers[0].Blob.Length);
            await answer.SendBytesAsync(Image.Layers[0].Blob.AsMemory(0, 10));
            await answer.StallAsync();
        });

        var error = await _pulls.FailsAsync(registry.Serve(Image));

        Assert.Equal(ContainerFailure.RegistryUnavailable, error.Reason);
        Assert.Contains("did not answer in time", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirects_without_end_are_refused()
    {
        await using var registry = OddPulls.Serve(_ => true, (request, answer) => answer.SendAsync(307, [], ("Location", request.Path + "x")));

        Assert.Contains("redirects", (await _pulls.FailsAsync(registry.Serve(Image))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://example.com/blob")]
    [InlineData("ftp://127.0.0.1/blob")]
    [InlineData("http://user:password@127.0.0.1/blob")]
    public async Task A_redirect_to_where_nobody_should_be_sent_is_refused(string location)
    {
        await using var registry = OddPulls.Serve(_ => true, (_, answer) => answer.SendAsync(302, [], ("Location", location)));

        Assert.Equal(ContainerFailure.CorruptImage, (await _pulls.FailsAsync(registry.Serve(Image))).Reason);
    }

    [Fact]
    public async Task Credentials_do_not_follow_a_redirect_to_another_host()
    {
        await using var other = FakeRegistry.Start();
        other.Serve(Image);
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            if (!request.Headers.ContainsKey("Authorization"))
            {
                await answer.SendAsync(401, [], ("WWW-Authenticate", "Basic realm=\"test\""));
                return true;
            }

            if (OddPulls.IsLayer(request))
            {
                await answer.SendAsync(307, [], ("Location", $"http://{other.Host}{request.Path}"));
                return true;
            }

            return false;
        });

        await _pulls.PullAsync(registry.Serve(Image), new RegistryCredentials("user", "password"));

        Assert.NotEmpty(other.Requests);
        Assert.All(other.Requests, request => Assert.False(request.Headers.ContainsKey("Authorization")));
    }

    [Fact]
    public async Task A_token_is_fetched_with_the_password_and_only_the_token_is_shown_to_the_registry()
    {
        string? host = null;
        await using var registry = FakeRegistry.Start(async (request, answer) =>
        {
            if (request.Path.StartsWith("/token", StringComparison.Ordinal))
            {
                Assert.Contains("scope=repository%3Aimage%3Apull", request.Path, StringComparison.Ordinal);
                Assert.Equal("Basic " + Convert.ToBase64String("user:password"u8), request.Headers["Authorization"]);
                await answer.SendAsync(200, """{"token":"abc","expires_in":300}"""u8.ToArray());
                return true;
            }

            if (request.Path != "/v2/" && request.Headers.GetValueOrDefault("Authorization") != "Bearer abc")
            {
                await answer.SendAsync(401, [], ("WWW-Authenticate", $"Bearer realm=\"http://{host}/token\",service=\"test\",scope=\"repository:other:pull,push\""));
                return true;
            }

            return false;
        });
        host = registry.Host;

        await _pulls.PullAsync(registry.Serve(Image), new RegistryCredentials("user", "password"));

        Assert.Single(registry.Requests, request => request.Path.StartsWith("/token", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http://example.com/token")]
    [InlineData("http://127.0.0.1:1/token")]
    [InlineData("file:///etc/passwd")]
    [InlineData("")]
    public async Task A_token_server_without_HTTPS_that_is_not_the_registry_is_never_asked(string realm)
    {
        await using var registry = OddPulls.Serve(_ => true, (_, answer) => answer.SendAsync(401, [], ("WWW-Authenticate", $"Bearer realm=\"{realm}\",service=\"test\"")));

        var error = await _pulls.FailsAsync(registry.Serve(Image), new RegistryCredentials("user", "password"));

        Assert.Equal(ContainerFailure.CorruptImage, error.Reason);
        Assert.Contains("login", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not json", "application/vnd.oci.image.manifest.v1+json")]
    [InlineData("""{"schemaVersion":1}""", "application/vnd.docker.distribution.manifest.v1+json")]
    [InlineData("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[]}""", "application/vnd.oci.image.index.v1+json")]
    [InlineData("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}""", "application/vnd.oci.image.manifest.v1+json")]
    [InlineData("""{"schemaVersion":2,"schemaVersion":2}""", "application/vnd.oci.image.manifest.v1+json")]
    [InlineData("""{"schemaVersion":2,"config":{"digest":"sha256:x"},"layers":[null]}""", "application/vnd.oci.image.manifest.v1+json")]
    public async Task A_manifest_that_is_none_is_refused(string manifest, string type)
    {
        await using var registry = OddPulls.Serve(OddPulls.IsManifest, (_, answer) => answer.SendAsync(200, Encoding.UTF8.GetBytes(manifest), ("Content-Type", type)));

        Assert.Equal(ContainerFailure.CorruptImage, (await _pulls.FailsAsync(registry.Serve(Image))).Reason);
    }

    [Fact]
    public async Task A_digest_that_was_asked_for_must_be_what_comes()
    {
        await using var registry = OddPulls.Serve(OddPulls.IsManifest, (_, answer) => answer.SendAsync(200, new TestImage().Manifest, ("Content-Type", TestImage.OciManifest)));

        Assert.Contains("was promised", (await _pulls.FailsAsync(registry.Serve(Image).WithDigest(Image.Digest))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_is_asked_first_and_the_registry_if_it_fails()
    {
        await using var registry = FakeRegistry.Start();
        var reference = registry.Serve(Image);
        await using var broken = FakeRegistry.Start();
        await using var mirror = FakeRegistry.Start();
        mirror.Serve(Image, "copy/image");
        var mirrors = new Dictionary<string, IReadOnlyList<Uri>> { [registry.Host] = [new($"http://{broken.Host}"), new($"http://{mirror.Host}/copy")] };

        await _pulls.PullAsync(reference, null, options => options with { Mirrors = mirrors });

        Assert.NotEmpty(broken.Requests);
        Assert.NotEmpty(mirror.Requests);
        Assert.Empty(registry.Requests);
    }

    [Fact]
    public async Task With_no_mirror_that_has_it_an_image_comes_from_the_registry_in_its_name()
    {
        await using var registry = FakeRegistry.Start();
        var reference = registry.Serve(Image);
        await using var empty = FakeRegistry.Start();
        var mirrors = new Dictionary<string, IReadOnlyList<Uri>> { [registry.Host] = [new($"http://{empty.Host}")] };

        var resolved = await _pulls.PullAsync(reference, null, options => options with { Mirrors = mirrors });

        Assert.NotEmpty(empty.Requests);
        Assert.Contains(registry.Requests, OddPulls.IsLayer);
        Assert.Equal(300_000, new FileInfo($"{resolved.LayerDirectories[0]}/file").Length);
    }
}
