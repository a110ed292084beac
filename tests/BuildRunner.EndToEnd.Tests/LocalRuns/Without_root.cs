using System.Diagnostics;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Git;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>A real ordinary user, without any right of root, and the embedded engine.</summary>
public sealed class Without_root
{
    private const int Interrupt = 2, Kill = 9, Terminate = 15;

    [Fact]
    public async Task An_ordinary_user_runs_steps_and_a_service_on_images_of_a_registry_and_nothing_is_left()
    {
        await using var registry = await RegistryServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await registry.PushAsync(
            TestImage.Busybox.WithLayer(l => l.Directory("opt").File("opt/gone", "gone").Directory("opt/hidden").File("opt/hidden/old", "old").File("opt/theirs", "theirs", user: 1000, group: 1000))
                .WithLayer(l => l.Whiteout("opt/gone").Opaque("opt/hidden").File("opt/hidden/new", "new")),
            "tools", "1", TestContext.Current.CancellationToken);
        await registry.PushAsync(TestImage.Busybox.WithSetting("User", "1000:1000"), "someone", "1", TestContext.Current.CancellationToken);
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, $$"""
            services:
              - name: page
                image: {{registry.Host}}/tools:1
                commands:
                  - mkdir -p /srv && echo "hello from the service" > /srv/index.html
                  - exec httpd -f -p 8080 -h /srv
                healthcheck:
                  test: wget -q -O /dev/null http://127.0.0.1:8080/
                  interval: 100ms
                  timeout: 5s
                  retries: 1000
            steps:
              - name: layers
                image: {{registry.Host}}/tools:1
                commands:
                  - test ! -e /opt/gone && test "$(ls /opt/hidden)" = new
                  - echo "theirs belongs to $(stat -c %u:%g /opt/theirs)"
                  - rm -r /opt/hidden && mkdir /opt/hidden && test -z "$(ls /opt/hidden)"
                  - echo made > note.txt && mkdir folder && mv folder renamed
              - name: rights
                image: {{registry.Host}}/tools:1
                commands:
                  - cat note.txt && test ! -e /opt/gone && test -e /opt/hidden/new
                  - echo "rights $(awk '$1 ~ /^(CapEff|NoNewPrivs|Seccomp):$/ { print $2 }' /proc/self/status | xargs) of $(id -u)"
                  - chown 1000:1000 note.txt && test "$(stat -c %u note.txt)" = 1000
                  - "! echo 1 > /proc/sys/kernel/panic"
                  - "! mount -t tmpfs none /mnt"
                  - test -z "$(cat /proc/kcore 2>/dev/null | head -c 1)"
              - name: fetch
                image: {{registry.Host}}/tools:1
                commands:
                  - wget -q -O - http://page:8080/
              - name: someone
                image: {{registry.Host}}/someone:1
                commands:
                  - echo "user $(id -u) may write" > mine.txt
              - name: alone
                image: {{registry.Host}}/someone:1
                network: none
                resources:
                  memory: 64MiB
                commands:
                  - test "$(ls /sys/class/net)" = lo
                  - echo "nothing but loopback"
            """);
        var mounts = session.Mounts();

        var run = await RunAsync(session, tree, "run", "ci.yml", "--out", "made");

        Assert.True(run.Code == 0, run.All);
        foreach (var said in new[]
        {
            "theirs belongs to 1000:1000", "rights 00000000800405fb 1 2 of 0", "hello from the service", "nothing but loopback", "alone asks for limits that are not kept without root",
        })
        {
            Assert.True(run.Error.Contains(said, StringComparison.Ordinal), $"'{said}' was not said:\n{run.All}");
        }

        Assert.Equal("user 1000 may write\n", await File.ReadAllTextAsync(Path.Combine(tree, "made/mine.txt"), TestContext.Current.CancellationToken));
        Assert.Equal(["ci.yml", "made"], Directory.EnumerateFileSystemEntries(tree).Select(Path.GetFileName).Order());
        Assert.Empty(Foreign(tree));
        await NothingRunsAsync(session);
        NothingIsMounted(session, mounts);
        Assert.True(LeftBehind(session) is [], $"left behind: {string.Join(", ", LeftBehind(session))}\n{run.All}");

        // What only root of the namespace could remove goes with the images.
        var remove = await RunAsync(session, tree, "image", "rm", $"{registry.Host}/tools:1", $"{registry.Host}/someone:1");
        Assert.True(remove.Code == 0, remove.All);
        Assert.Empty(Foreign(session.User.Home));
    }

    [Fact]
    public async Task What_a_step_of_another_user_wrote_in_place_is_the_users_afterwards()
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, Steps(session, "mkdir -p sub/deep && chown -R 1000:1000 sub && chmod 700 sub", "touch sub/deep/file && ln -s file sub/deep/link && chown -h 7:7 sub/deep/link"));

        var run = await RunAsync(session, tree, "run", "ci.yml", "--in-place");

        Assert.True(run.Code == 0, run.All);
        Assert.True(File.Exists(Path.Combine(tree, "sub/deep/file")));
        Assert.Empty(Foreign(tree));
        Assert.Empty(LeftBehind(session));
    }

    [Fact]
    public async Task Steps_reach_the_world_but_neither_the_host_nor_its_loopback()
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs) { HasOwnNetwork = true });
        await using var world = await NeighbourNetwork.JoinAsync(session.ProcessId);
        await using var own = await world.ServeHereAsync("of the host");
        await using var other = await world.ServeThereAsync("of the world");
        var tree = NewTree(session, Steps(
            session,
            $"wget -q -O - http://{NeighbourNetwork.There}:8080/",
            $"! nc -w 5 {NeighbourNetwork.Here} 8080 < /dev/null",
            "! nc -w 5 10.0.2.2 8080 < /dev/null && ! nc -w 5 127.0.0.1 8080 < /dev/null && echo no way to the host"));

        var run = await RunAsync(session, tree, "run", "ci.yml");

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("of the world", run.Error);
        Assert.Contains("no way to the host", run.Error);
    }

    [Theory]
    [InlineData(1000, "666", "/etc/subuid gives buildrunner-test 1000 ids", "usermod --add-subuids")]
    [InlineData(65536, "600", "/dev/net/tun is closed to ordinary users", "chmod 0666 /dev/net/tun")]
    public async Task What_the_host_lacks_is_named_with_what_to_do(int ids, string tunnel, string what, string remedy)
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs) { IdCount = ids, TunnelMode = tunnel });
        var tree = NewTree(session, Steps(session, "echo reached"));

        foreach (var verb in (string[][])[["run", "ci.yml"], ["doctor"]])
        {
            var run = await RunAsync(session, tree, verb);
            Assert.True(run.Code == 5, run.All);
            Assert.Contains(what, run.All);
            Assert.Contains(remedy, run.All);
        }

        Assert.Empty(LeftBehind(session));
    }

    [Theory]
    [InlineData("runc", "runc version")]
    [InlineData("direct", "direct: containers are made by BuildRunner itself (Linux ")]
    public async Task The_doctor_runs_a_container_and_says_whose_rights_it_had_and_what_made_it(string runtime, string line)
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var doctor = await RunAsync(session, session.User.Home, Runtime(runtime), "doctor");
        Assert.True(doctor.Code == 0, doctor.All);
        Assert.Contains("a container ran", doctor.Output);
        Assert.Contains(line, doctor.Output);
        Assert.Contains("buildrunner-test, in a user namespace of their own", doctor.Output);
        Assert.Empty(LeftBehind(session));
    }

    [Theory]
    [InlineData(Interrupt, false, "runc")]
    [InlineData(Kill, false, "runc")]
    [InlineData(Kill, true, "runc")]
    [InlineData(Interrupt, false, "direct")]
    [InlineData(Kill, true, "direct")]
    public async Task A_signal_or_sudden_death_leaves_nothing_running_and_the_next_start_tidies_up(int signal, bool all, string runtime)
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, Steps(session, "echo begun; sleep 1000"));
        await using (var running = Start(session, tree, Runtime(runtime), "run", "ci.yml"))
        {
            await running.SeesAsync("│ begun");
            foreach (var (id, _) in session.Processes().Where(p => p.Name == "buildrunner" || (all && p.Name == "buildrunner-san")))
            {
                Assert.Equal(0, Release.Kill(id, signal));
            }

            var end = await running.EndAsync(TimeSpan.FromMinutes(2));
            Assert.Equal(signal == Interrupt ? 130 : 137, end.Code);
        }

        await NothingRunsAsync(session);
        var clean = await RunAsync(session, tree, "clean");
        Assert.True(clean.Code == 0, clean.All);
        Assert.DoesNotContain(LeftBehind(session), f => signal != Kill || !f.Contains("dotnet-diagnostic-", StringComparison.Ordinal));
        Assert.Empty(Foreign(tree));
    }

    [Fact]
    public async Task BuildRunner_makes_an_ordinary_users_containers_itself_where_that_is_asked_for()
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, Steps(
            session,
            "echo \"rights $(awk ''$1 ~ /^(CapEff|NoNewPrivs|Seccomp):$/ { print $2 }'' /proc/self/status | xargs) of $(id -u)\"",
            "touch note && chown 1000:1000 note && test \"$(stat -c %u note)\" = 1000 && ! mount -t tmpfs none /mnt && ! echo 1 > /proc/sys/kernel/panic && echo held"));
        var mounts = session.Mounts();

        var run = await RunAsync(session, tree, Runtime("direct"), "run", "ci.yml");

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("rights 00000000800405fb 1 2 of 0", run.All, StringComparison.Ordinal);
        Assert.Contains("│ held", run.All, StringComparison.Ordinal);
        await NothingRunsAsync(session);
        NothingIsMounted(session, mounts);
        Assert.Empty(LeftBehind(session));
        Assert.Empty(Foreign(tree));
    }

    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task The_profile_hardened_is_kept_for_an_ordinary_user_too(string runtime)
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, Steps(
            session,
            "! touch /etc/x && touch note /tmp/x /var/tmp/x /run/x $HOME/x && mkdir $HOME/a && mv $HOME/a $HOME/b && echo written",
            "test -e note && test ! -e /tmp/x && test ! -e /var/tmp/x && test ! -e /run/x && test ! -e $HOME/x && test ! -e $HOME/b && echo fresh"));
        var mounts = session.Mounts();

        var run = await RunAsync(session, tree, new Dictionary<string, string>(Runtime(runtime)) { ["BUILDRUNNER_ENGINE__HARDENED"] = "always" }, "run", "ci.yml");

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("Read-only file system", run.All, StringComparison.Ordinal);
        Assert.Contains("│ written", run.All, StringComparison.Ordinal);
        Assert.Contains("│ fresh", run.All, StringComparison.Ordinal);
        await NothingRunsAsync(session);
        NothingIsMounted(session, mounts);
        Assert.Empty(LeftBehind(session));
    }

    [Fact]
    public async Task A_limit_of_the_disk_is_refused_with_the_reason()
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, "resources:\n  disk: 64m\n" + Steps(session, "echo reached"));
        var run = await RunAsync(session, tree, "run", "ci.yml");
        Assert.True(run.Code == 5, run.All);
        Assert.Contains("disk needs a file system of its own, which only root may mount", run.All, StringComparison.Ordinal);
        Assert.DoesNotContain("│ reached", run.All, StringComparison.Ordinal);
        Assert.Empty(LeftBehind(session));
    }

    [Fact]
    public async Task A_device_is_the_hosts_own_if_the_user_may_open_it_and_refused_with_the_reason_if_not()
    {
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        Requires.That(File.Exists("/dev/loop-control"), "/dev/loop-control");
        var steps = Steps(session, "exec 3<>/dev/given && echo opened as $(id -u)");
        var tree = NewTree(session, $"{steps}    devices: /dev/net/tun:/dev/given\n");
        var allowed = new Dictionary<string, string> { ["BUILDRUNNER_ENGINE__ALLOWEDDEVICES"] = "/dev" };
        var run = await RunAsync(session, tree, allowed, "run", "ci.yml");
        Assert.True(run.Code == 0, run.All);
        Assert.Contains("│ opened as 0", run.All, StringComparison.Ordinal);

        foreach (var (device, why) in new[] { ("/dev/loop-control:/dev/given", "is closed to you"), ("/dev/net/tun:/dev/given:r", "cannot be held to the access 'r' without root") })
        {
            File.WriteAllText(Path.Combine(tree, "ci.yml"), $"{steps}    devices: {device}\n");
            var refused = await RunAsync(session, tree, allowed, "run", "ci.yml");
            Assert.True(refused.Code == 5, refused.All);
            Assert.Contains(why, refused.All, StringComparison.Ordinal);
        }

        Assert.Empty(LeftBehind(session));
    }

    [Fact]
    public async Task What_is_typed_reaches_the_shell_of_a_step_and_ctrl_c_ends_what_runs_in_it_and_not_the_shell()
    {
        Requires.Program("script");
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, Steps(session, "exit 3"));
        await using (var shell = StartOnTerminal(session, tree, "shell step0 -f ci.yml"))
        {
            await shell.TypeAsync("echo at $((6 * 7)); sleep 1000\n");
            await shell.SeesAsync("at 42");
            await shell.TypeAsync("\x03");
            await shell.TypeAsync("echo after $((6 * 8)) as $(id -u); exit 4\n");
            await shell.SeesAsync("after 48 as 0");
            var end = await shell.EndAsync(TimeSpan.FromMinutes(2));
            Assert.True(end.Code == 4, end.All);
        }

        await NothingRunsAsync(session);
        Assert.Empty(LeftBehind(session));
    }

    [Fact]
    public async Task Ctrl_c_at_a_terminal_cancels_the_run_and_leaves_nothing()
    {
        Requires.Program("script");
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var tree = NewTree(session, Steps(session, "echo begun; sleep 1000"));
        await using (var running = StartOnTerminal(session, tree, "run ci.yml --progress plain"))
        {
            await running.FindAsync("│ begun\r?\n");
            await running.TypeAsync("\x03");
            var end = await running.EndAsync(TimeSpan.FromMinutes(2));
            Assert.True(end.Code == 130, end.All);
            Assert.Contains("cancelled", end.All, StringComparison.Ordinal);
        }

        await NothingRunsAsync(session);
        Assert.Empty(LeftBehind(session));
        Assert.Empty(Foreign(tree));
    }

    [Fact]
    public async Task Up_serves_an_ordinary_user_and_reads_their_repository_with_the_key_in_their_home()
    {
        using var folder = TestFolder.Create();
        using var ssh = SshServer.Start(folder);
        await using var session = await StartAsync(new OrdinaryUser(Programs));
        var repository = TestRepository.Create(folder["repos"], "shop");
        repository.Commit(".buildrunner.yml", "skip_clone: true\n" + Steps(session, "echo made by $(id -u)"));
        Directory.CreateDirectory($"{session.User.Home}/.ssh");
        await File.WriteAllTextAsync($"{session.User.Home}/.ssh/id_ed25519", ssh.Key, TestContext.Current.CancellationToken);
        File.SetUnixFileMode($"{session.User.Home}/.ssh/id_ed25519", UnixFileMode.UserRead | UnixFileMode.UserWrite);
        OrdinaryUser.GiveTo($"{session.User.Home}/.ssh");
        var settings = new Dictionary<string, string> { ["BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS"] = session.User.Home, ["BUILDRUNNER_AGENT__MINFREEDISK"] = "0" };
        await using (var up = Start(session, session.User.Home, settings, "up", "--listen", "http://127.0.0.1:0"))
        {
            using var http = await Serving.Up_and_demo.ClientAsync(up);
            await Serving.Up_and_demo.PostAsync(http, "/api/v1/repos", $$"""{"name":"acme/shop","cloneUrl":"{{ssh.AddressOf(repository.Bare)}}"}""");
            await Serving.Up_and_demo.PostAsync(http, "/api/v1/repos/acme/shop/runs", "{}");
            Assert.Equal("success", await Serving.Up_and_demo.StateAsync(http, 1));
            Assert.Contains("made by 0", await http.GetStringAsync("/api/v1/repos/acme/shop/runs/1/log?step=step0", TestContext.Current.CancellationToken), StringComparison.Ordinal);
            foreach (var (id, _) in session.Processes().Where(p => p.Name == "buildrunner"))
            {
                Assert.Equal(0, Release.Kill(id, Terminate));
            }

            var end = await up.EndAsync(TimeSpan.FromMinutes(2));
            Assert.True(end.Code == 0, end.All);
        }

        await NothingRunsAsync(session);
        Assert.Empty(LeftBehind(session));
    }

    internal static string Programs => Path.GetDirectoryName(Release.Executable)!;

    internal static async Task<OrdinarySession> StartAsync(OrdinaryUser user)
    {
        Requires.Program("runc", "nft");
        return await OrdinarySession.StartAsync(user);
    }

    /// <summary>Steps one after the other, on an image of a file.</summary>
    internal static string Steps(OrdinarySession session, params string[] commands)
    {
        DockerArchive.Write($"{session.User.Home}/image.tar", TestImage.Busybox, "tools:1");
        OrdinaryUser.GiveTo($"{session.User.Home}/image.tar");
        return "steps:\n" + string.Concat(commands.Select((c, at) => $"  - name: step{at}\n    image: docker-archive:{session.User.Home}/image.tar\n    commands:\n      - '{c}'\n"));
    }

    private static Dictionary<string, string> Runtime(string name) => new() { ["BUILDRUNNER_ENGINE__RUNTIME"] = name };

    private static string NewTree(OrdinarySession session, string file)
    {
        var tree = Directory.CreateDirectory($"{session.User.Home}/tree").FullName;
        File.WriteAllText(Path.Combine(tree, "ci.yml"), file);
        OrdinaryUser.GiveTo(tree);
        return tree;
    }

    internal static Running Start(OrdinarySession session, string directory, IReadOnlyDictionary<string, string> settings, params string[] arguments) => Release.StartProgram(
        Requires.Find("nsenter")!, Release.Root, new Dictionary<string, string?>(), session.Next(directory, settings, [$"{session.User.Programs}/buildrunner", .. arguments]));

    /// <summary>On a terminal, at which can be typed.</summary>
    private static Running StartOnTerminal(OrdinarySession session, string directory, string arguments) => Release.StartProgram(
        Requires.Find("nsenter")!, Release.Root, new Dictionary<string, string?>(), listens: true,
        session.Next(directory, new Dictionary<string, string> { ["TERM"] = "dumb" }, ["script", "-qec", $"{session.User.Programs}/buildrunner {arguments}", "/dev/null"]));

    private static Task<Finished> RunAsync(OrdinarySession session, string directory, params string[] arguments) => RunAsync(session, directory, new Dictionary<string, string>(), arguments);

    private static async Task<Finished> RunAsync(OrdinarySession session, string directory, IReadOnlyDictionary<string, string> settings, params string[] arguments)
    {
        await using var running = Start(session, directory, settings, arguments);
        return await running.EndAsync(TimeSpan.FromMinutes(4));
    }

    internal static async Task NothingRunsAsync(OrdinarySession session)
    {
        var (waiting, limit) = (Stopwatch.StartNew(), TimeSpan.FromMinutes(2));
        while (session.Processes() is { Count: > 0 } left)
        {
            Assert.True(waiting.Elapsed < limit, $"still running: {string.Join(", ", left)}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Files that the user does not own, and so may be unable to remove.</summary>
    private static string[] Foreign(string directory)
    {
        using var find = Process.Start(new ProcessStartInfo("find", [directory, "!", "-uid", $"{OrdinaryUser.Id}"]) { RedirectStandardOutput = true })!;
        return find.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Nothing more than before. Less may be: the session has copies of what other tests had mounted on the machine, and the kernel takes away those whose folders they remove.</summary>
    private static void NothingIsMounted(OrdinarySession session, IReadOnlyList<string> before) => Assert.Empty(session.Mounts().Except(before));

    /// <summary>What the engine keeps while workflows live: of none that has ended.</summary>
    internal static string[] LeftBehind(OrdinarySession session) =>
    [
        .. ((string[])[$"{session.User.Session}/buildrunner/engine/groups", $"{session.User.Home}/.local/state/buildrunner/scratch"]).Where(Directory.Exists).SelectMany(Directory.EnumerateFileSystemEntries),
        .. Directory.EnumerateFiles(session.User.Home, "dotnet-diagnostic-*"),
    ];
}
