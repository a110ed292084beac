using System.Text.RegularExpressions;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;
using BuildRunner.Testing.Git;

namespace BuildRunner.EndToEnd.Tests.Deploying;

/// <summary><c>deploy/compose.yml</c> on a Docker engine of its own, driven by docker-compose as people do.</summary>
/// <remarks>Debian's docker-compose knows neither <c>name</c> nor <c>cgroup: private</c>: the first is given on its command line, the second is the engine's default here. A root that lacks CAP_SYS_RESOURCE, as on
/// our machines, cannot hand it to a privileged container: the runtime leaves out that one.</remarks>
internal sealed class Composition : IAsyncDisposable
{
    private const string Runtime = """
        #!/bin/sh
        # Privileged containers get every right that this machine has.
        before=
        for word; do
          case $before in
            --bundle) config=$word/config.json ;;
            --process|-p) config=$word ;;
          esac
          before=$word
        done
        [ -z "$config" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$config"
        exec runc "$@"
        """;

    // Beyond what people write: a repository to clone and the file system of its step's image lie on a volume that all see.
    private const string Override = """
        version: "3.8"
        x-shared: &shared
          environment:
            BUILDRUNNER_SOURCES__LOCALFOLDERS: /given
            BUILDRUNNER_AGENT__LOCALREPOSITORIES: /given
            BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS: /given/busybox
            BUILDRUNNER_AGENT__MINFREEDISK: "0"
          volumes: ["GIVEN:/given"]
        services:
        """;

    private readonly TestFolder folder;
    private readonly DockerDaemon engine;
    private readonly Dictionary<string, string?> environment;
    private readonly string profile;

    private Composition(TestFolder folder, DockerDaemon engine, string profile)
    {
        this.folder = folder;
        this.engine = engine;
        this.profile = profile;
        environment = new() { ["DOCKER_HOST"] = engine.Host, ["COMPOSE_PROJECT_NAME"] = "buildrunner", ["DOCKER_CONFIG"] = folder.Path, ["DOCKER_BUILDKIT"] = "0" };
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>An engine with the image <c>buildrunner</c> and whatever else the profile needs; nothing runs yet.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="services">Its services that see the repository.</param>
    public static async Task<Composition> PrepareAsync(string profile, params string[] services)
    {
        Requires.Root();
        Requires.Program("docker", "docker-compose", "runc", "git", "nft", "busybox", "tar");
        Requires.Path("/var/lib/dpkg/status");
        var folder = TestFolder.Create();
        await File.WriteAllTextAsync(folder["runtime"], Runtime + "\n", Cancel);
        File.SetUnixFileMode(folder["runtime"], (UnixFileMode)0b111_101_101);
        var engine = await DockerDaemon.StartAsync("--default-cgroupns-mode", "private", "--add-runtime", $"lacking={folder["runtime"]}", "--default-runtime", "lacking");
        var composition = new Composition(folder, engine, profile);
        try
        {
            await composition.WriteAsync(services);
            return composition;
        }
        catch
        {
            await composition.DisposeAsync();
            throw;
        }
    }

    /// <summary>Imports an image made of packages of this machine.</summary>
    public async Task ImportAsync(string name, IEnumerable<string> files, params (string Name, string Content)[] more)
    {
        var place = folder["image-" + Regex.Replace(name, "[^a-z]", "-")];
        Directory.CreateDirectory(place);
        var script = await MachineImage.ArchiveScriptAsync(place, files);
        foreach (var (path, content) in more)
        {
            Directory.CreateDirectory(Path.GetDirectoryName($"{place}/skeleton/{path}")!);
            await File.WriteAllTextAsync($"{place}/skeleton/{path}", content, Cancel);
            File.SetUnixFileMode($"{place}/skeleton/{path}", (UnixFileMode)0b111_101_101);
        }

        await RunAsync("sh", "-c", $"{script} | docker import - {name}");
        Directory.Delete(place, recursive: true);
    }

    /// <summary>Says what an imported image starts, and what else is said of it.</summary>
    public async Task EntryAsync(string image, string program, params string[] more)
    {
        Directory.CreateDirectory(folder["entry"]);
        await File.WriteAllTextAsync(folder["entry/Dockerfile"], $"FROM {image}\n{string.Concat(more.Select(m => m + "\n"))}ENTRYPOINT [\"{program}\"]\n", Cancel);
        await RunAsync("docker", "build", "-q", "-t", image, folder["entry"]);
    }

    /// <summary>The image <c>buildrunner</c>: the last stage of the Dockerfile, from a base image of this machine's packages, with the release that was built.</summary>
    public async Task BuildLastStageAsync()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Release.Root, "deploy", "Dockerfile"), Cancel);
        var last = text[text.LastIndexOf("\nFROM ", StringComparison.Ordinal)..];
        var packages = Regex.Match(last, "apt-get install -y --no-install-recommends (.*?) &&").Groups[1].Value.Split(' ').Where(p => p != "postgresql-client");
        await ImportAsync(BaseName(last), [
            .. MachineImage.FilesOf(["bash", "coreutils", "base-files", "findutils", "diffutils", "gzip", "hostname", "tar", "util-linux", "libstdc++6", "libgcc-s1", "zlib1g", "ca-certificates", "libc-bin", "mount", "sed", "grep", "passwd", .. packages]),
            .. MachineImage.Dotnet("host", "shared"), "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
        ]);
        var context = folder["context"];
        Directory.CreateDirectory(context + "/deploy");
        File.Copy(Path.Combine(Release.Root, "deploy", "healthcheck.sh"), context + "/deploy/healthcheck.sh");
        await RunAsync("cp", "-r", Path.GetDirectoryName(Release.Executable)!, context + "/app");
        last = Regex.Replace(last, "RUN apt-get .*\n", "").Replace("--from=build /app", "app", StringComparison.Ordinal);
        await File.WriteAllTextAsync(context + "/Dockerfile", last.Replace("ENTRYPOINT", "ENV DOTNET_ROOT=/usr/share/dotnet\nENTRYPOINT", StringComparison.Ordinal), Cancel);
        await RunAsync("docker", "build", "-q", "-t", "buildrunner", context);
        Directory.Delete(context, recursive: true);
    }

    /// <summary>The base image that a stage names.</summary>
    public static string BaseName(string stage) => Regex.Match(stage, @"FROM (\S+)").Groups[1].Value;

    /// <summary>Writes a secret beside the compose file, as its first lines say.</summary>
    public Task SecretAsync(string name, string value) => File.WriteAllTextAsync(folder[$"deploy/secrets/{name}"], value, Cancel);

    /// <summary><c>docker-compose --profile P …</c>.</summary>
    public Task<string> ComposeAsync(params string[] arguments) =>
        RunAsync(["docker-compose", "--profile", profile, "-f", folder["deploy/compose.yml"], "-f", folder["deploy/override.yml"], .. arguments]);

    /// <summary>Runs a command in a service's container, as the first lines of the compose file do.</summary>
    public Task<string> ExecuteAsync(string service, string script) => RunAsync("docker", "exec", $"buildrunner_{service}_1", "sh", "-c", script);

    /// <summary>Waits until a container's own health check says that it serves.</summary>
    public async Task HealthyAsync(string service)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        deadline.CancelAfter(TimeSpan.FromMinutes(3));
        while ((await RunAsync("docker", "inspect", "-f", "{{.State.Health.Status}}", $"buildrunner_{service}_1")).Trim() != "healthy")
        {
            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250), deadline.Token);
            }
            catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
            {
                Assert.Fail($"{service} did not become healthy: {await ComposeAsync("logs", "--no-color")}");
            }
        }
    }

    /// <summary>Adds the repository, starts a run through its default clone and a step, and follows it to its end.</summary>
    /// <returns>What the command line said about it.</returns>
    public async Task<string> RunPipelineAsync(string service)
    {
        var said = await ExecuteAsync(service, """
            export BUILDRUNNER_SERVER=http://127.0.0.1:8080 && BUILDRUNNER_TOKEN=$(buildrunner server token) && export BUILDRUNNER_TOKEN &&
            { buildrunner repo show acme/shop >/dev/null 2>&1 || buildrunner repo add acme/shop /given/repos/shop.git; } && buildrunner start acme/shop --watch 2>&1 || { buildrunner agents ls; exit 1; }
            """);
        Assert.Contains("the step has what was cloned", said, StringComparison.Ordinal);
        Assert.Contains("2 passed", said, StringComparison.Ordinal);
        return said;
    }

    /// <summary>Runs a program against the engine; anything but 0 fails the test with what it said.</summary>
    public Task<string> RunAsync(params string[] command) => RunAsync(TimeSpan.FromMinutes(7), command);

    /// <summary>The same, for so long at most.</summary>
    public async Task<string> RunAsync(TimeSpan limit, params string[] command)
    {
        await using var running = Release.StartProgram(Requires.Find(command[0])!, folder.Path, environment, command[1..]);
        var ended = await running.EndAsync(limit);
        Assert.True(ended.Code == 0, $"{string.Join(' ', command)}: {ended.Code}\n{ended.All}\n{(command[0] == "docker" && command[1] == "exec" ? await ComposeAsync("logs", "--no-color", "--tail", "60") : "")}");
        return ended.Output;
    }

    public async ValueTask DisposeAsync()
    {
        // TERM first: what the agents have in the machine's control groups and mounts is theirs to remove.
        await using (var down = Release.StartProgram(Requires.Find("docker-compose")!, folder.Path, environment, "--profile", profile, "-f", folder["deploy/compose.yml"], "-f", folder["deploy/override.yml"], "down", "-v", "-t", "20"))
        {
            await down.GoneAsync(TimeSpan.FromMinutes(2));
        }

        await engine.DisposeAsync();
        folder.Dispose();
    }

    private async Task WriteAsync(string[] services)
    {
        Directory.CreateDirectory(folder["deploy/secrets"]);
        var compose = await File.ReadAllTextAsync(Path.Combine(Release.Root, "deploy", "compose.yml"), Cancel);
        await File.WriteAllTextAsync(folder["deploy/compose.yml"], "version: \"3.8\"\n" + Regex.Replace(compose, "(?m)^name: .*\n|^ *cgroup: private\n", ""), Cancel);
        await File.WriteAllTextAsync(
            folder["deploy/override.yml"], Override.Replace("GIVEN", folder["given"], StringComparison.Ordinal) + "\n" + string.Concat(services.Select(s => $"  {s}: *shared\n")), Cancel);
        foreach (var name in Regex.Matches(compose, @"file: secrets/(\S+) ").Select(m => m.Groups[1].Value))
        {
            await SecretAsync(name, "");
        }

        await SecretAsync("master.key", Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)) + "\n");
        BusyboxImage.Create(folder["given/busybox"]);
        var shop = TestRepository.Create(folder["given/repos"], "shop");
        shop.Commit("note.txt", "the step has what was cloned\n");
        shop.Commit(".buildrunner.yml", "steps:\n  - name: build\n    image: rootfs:/given/busybox\n    commands: [ cat note.txt ]\n");
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
    }
}
