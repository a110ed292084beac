using System.Text.RegularExpressions;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>Every sample that names images of a registry runs on the embedded engine, on Docker and on Podman. Busybox stands for each image.</summary>
public sealed partial class Samples_on_every_engine(Samples_on_every_engine.Engines engines) : IClassFixture<Samples_on_every_engine.Engines>
{
    public static TheoryData<string, string> Runs =>
        [.. from file in Samples.Files.Select(row => row.Data) where ImagesOf(file).Count > 0 from engine in new[] { "oci", "docker", "podman" } select (file, engine)];

    [Theory]
    [MemberData(nameof(Runs))]
    public async Task Each_sample_with_images_passes(string file, string engine)
    {
        var run = await engines.RunAsync(engine, "run", file);
        Assert.True(run.Code == 0, run.All);
    }

    [Theory]
    [InlineData("docker", "Engine +20|Docker|engine")]
    [InlineData("podman", "Podman")]
    public async Task The_doctor_starts_a_container_and_names_the_engine(string engine, string product)
    {
        var doctor = await engines.RunAsync(engine, "doctor");
        Assert.True(doctor.Code == 0, doctor.All);
        Assert.Contains("a container was started", doctor.Output);
        Assert.Matches($"version +.*({product}).*API 1\\.", doctor.Output);
        Assert.Contains("sees this host's files", doctor.Output);
        Assert.Contains("oci", doctor.Output);
    }

    private static List<string> ImagesOf(string file) =>
        [.. ImageName().Matches(File.ReadAllText(Path.Combine(Release.Root, file))).Select(m => m.Groups["name"].Value).Where(n => !n.StartsWith("rootfs:", StringComparison.Ordinal)).Distinct()];

    // As a value of its own, or behind the anchor that names it.
    [GeneratedRegex(@"^\s*(?:image:|- &\w+) (?<name>[a-z0-9][\w./-]*(?::[\w.-]+)?)\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex ImageName();

    /// <summary>Private engines that have the images, and a registry for the embedded one.</summary>
    public sealed class Engines : IAsyncLifetime
    {
        private readonly TestFolder _home = TestFolder.Create();
        private readonly Dictionary<string, ITestEngine> _engines = [];
        private RegistryServer? _registry;

        public async ValueTask InitializeAsync()
        {
            if (Requires.Find("dockerd") is null || Requires.Find("podman") is null)
            {
                return;
            }

            _engines["docker"] = await DockerDaemon.StartAsync();
            _engines["podman"] = await PodmanService.StartAsync();
            _registry = await RegistryServer.StartAsync();
            foreach (var name in Samples.Files.SelectMany(row => ImagesOf(row.Data)).Distinct())
            {
                var (repository, tag) = name.Split(':') is [var r, var t] ? (r, t) : (name, "latest");
                repository = repository.Contains('/') ? repository : "library/" + repository;
                await _registry.PushAsync(TestImage.Busybox, repository, tag);
                DockerArchive.Write(_home["image.tar"], TestImage.Busybox, $"docker.io/{repository}:{tag}");
                foreach (var engine in _engines.Values)
                {
                    await engine.LoadAsync(_home["image.tar"]);
                }
            }
        }

        internal async Task<Finished> RunAsync(string engine, params string[] arguments)
        {
            Requires.Program("dockerd", "podman");
            var environment = new Dictionary<string, string?>
            {
                ["BUILDRUNNER_ENGINE__KIND"] = engine == "oci" ? "oci" : "docker",
                ["BUILDRUNNER_IMAGES__DIR"] = _home["images"],
                ["BUILDRUNNER_IMAGES__MIRRORS"] = $"docker.io=http://{_registry!.Host}",
                ["DOCKER_HOST"] = _engines.GetValueOrDefault(engine)?.Host,
            };
            await using var running = Release.Start(Release.Root, environment, arguments);
            return await running.EndAsync(TimeSpan.FromMinutes(5));
        }

        public async ValueTask DisposeAsync()
        {
            await (_registry?.DisposeAsync() ?? ValueTask.CompletedTask);
            await Task.WhenAll(_engines.Values.Select(e => e.DisposeAsync().AsTask()));
            _home.Dispose();
        }
    }
}
