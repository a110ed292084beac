using System.Text.Json.Nodes;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Sandbox.Wire;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>AppArmor and SELinux: what is chosen where a host has them, what the runtime and our launcher are told, and that a host without them refuses what it is asked for.</summary>
public sealed class Labels_of_security_modules
{
    private const string Label = "system_u:system_r:container_t:s0:c12,c34", FileLabel = "system_u:object_r:container_file_t:s0:c12,c34";
    private static readonly string[] Processes = ["/usr/sbin/ntpd (enforce)", "unprivileged_userns (unconfined)"];

    [Theory]
    [InlineData(null, "docker-default (enforce)", "docker-default", ReadinessStatus.Ok, "run under docker-default")]
    [InlineData(null, "docker-default (enforce)\nbuildrunner-default (enforce)", "buildrunner-default", ReadinessStatus.Ok, "run under buildrunner-default")]
    [InlineData(null, "containers-default-0.50.1 (enforce)", "containers-default-0.50.1", ReadinessStatus.Ok, "run under containers-default-0.50.1")]
    [InlineData(null, "docker-default (complain)", "docker-default", ReadinessStatus.Warning, "forbids nothing (complain)")]
    [InlineData(null, "", null, ReadinessStatus.Warning, "no profile for containers is loaded")]
    [InlineData("unconfined", "docker-default (enforce)", null, ReadinessStatus.Ok, "steps have no profile")]
    [InlineData("mine", "docker-default (enforce)\nmine (enforce)", "mine", ReadinessStatus.Ok, "run under mine")]
    [InlineData("mine", "docker-default (enforce)", "refused", ReadinessStatus.Failed, "no profile of that name is loaded")]
    public void Where_AppArmor_is_in_force_a_profile_that_is_loaded_is_taken(string? setting, string loaded, string? expected, ReadinessStatus status, string said)
    {
        using var host = TestFolder.Create();
        Write(host, "sys/module/apparmor/parameters/enabled", "Y\n");
        Write(host, "sys/kernel/security/apparmor/profiles", string.Join('\n', [.. Processes, loaded]) + "\n");
        var chosen = new HostModules(host.Path).Choose(new SecurityLabels { AppArmorProfile = setting }, out var found);
        Assert.Equal(expected, chosen is null ? "refused" : chosen.AppArmorProfile);
        Assert.Equal(status, found.Status);
        Assert.Contains(said, found.Detail, StringComparison.Ordinal);
        Assert.Equal(status == ReadinessStatus.Ok, found.Remedy is null);
    }

    [Fact]
    public void A_profile_is_named_blindly_where_nobody_can_see_which_are_loaded_and_the_kernel_decides()
    {
        using var host = TestFolder.Create();
        Write(host, "sys/module/apparmor/parameters/enabled", "Y\n");
        Assert.Equal("mine", new HostModules(host.Path).Choose(new SecurityLabels { AppArmorProfile = "mine" }, out var found)?.AppArmorProfile);
        Assert.Contains("not to be seen", found.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", ReadinessStatus.Ok, "SELinux (enforcing): steps run as " + Label)]
    [InlineData("0", ReadinessStatus.Ok, "SELinux (permissive)")]
    [InlineData(null, ReadinessStatus.Failed, "SELinux is not in force")]
    public void A_label_of_SELinux_needs_it_in_force(string? enforce, ReadinessStatus status, string said)
    {
        using var host = TestFolder.Create();
        if (enforce is not null)
        {
            Write(host, "sys/fs/selinux/enforce", enforce);
        }

        var chosen = new HostModules(host.Path).Choose(new SecurityLabels { SelinuxLabel = Label }, out var found);
        Assert.Equal(status == ReadinessStatus.Failed, chosen is null);
        Assert.Equal(status, found.Status);
        Assert.Contains(said, found.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_with_neither_says_so_and_is_fine_and_one_with_SELinux_alone_says_that_steps_have_no_label()
    {
        using var host = TestFolder.Create();
        Assert.Equal(new SecurityLabels(), new HostModules(host.Path).Choose(new SecurityLabels(), out var none));
        Assert.Equal((ReadinessStatus.Ok, true), (none.Status, none.Detail.StartsWith("neither AppArmor nor SELinux", StringComparison.Ordinal)));
        Write(host, "sys/fs/selinux/enforce", "1");
        Assert.NotNull(new HostModules(host.Path).Choose(new SecurityLabels(), out var unlabelled));
        Assert.Equal(ReadinessStatus.Warning, unlabelled.Status);
    }

    [Theory]
    [InlineData("with space", null, null)]
    [InlineData("", null, null)]
    [InlineData(null, "container_t", null)]
    [InlineData(null, "a:b:c\"", null)]
    [InlineData(null, null, FileLabel)]
    public void Texts_that_are_no_labels_are_refused(string? profile, string? label, string? mountLabel) =>
        Assert.NotEmpty(new OciEngineOptions { Labels = new SecurityLabels { AppArmorProfile = profile, SelinuxLabel = label, SelinuxMountLabel = mountLabel } }.Problems());

    [Fact]
    public void The_runtime_and_our_launcher_are_told_the_same_labels()
    {
        var specification = Specification(privileged: false);
        var json = JsonNode.Parse(specification.ToJson())!;
        Assert.Equal("mine", (string?)json["process"]!["apparmorProfile"]);
        Assert.Equal(Label, (string?)json["process"]!["selinuxLabel"]);
        Assert.Equal(FileLabel, (string?)json["linux"]!["mountLabel"]);
        var plan = LaunchPlan.Decode(specification.ToPlan().Encode());
        Assert.Equal([("self/attr/apparmor/exec", "exec mine"), ("self/attr/exec", Label)], plan.Labels.Select(l => (l.File, l.Value)));
        Assert.Equal(["/dev", "/dev/pts", "/dev/shm"], plan.FileSystems.Where(f => f.Options.Contains("context=" + FileLabel)).Select(f => f.Target).Order());
    }

    [Fact]
    public void A_privileged_container_has_no_profile_of_AppArmor()
    {
        var specification = Specification(privileged: true);
        Assert.Null(JsonNode.Parse(specification.ToJson())!["process"]!["apparmorProfile"]);
        Assert.Equal(["self/attr/exec"], specification.ToPlan().Labels.Select(l => l.File));
    }

    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task A_host_without_AppArmor_makes_no_container_that_shall_have_a_profile(string runtime)
    {
        Requires.That(!File.Exists("/sys/module/apparmor/parameters/enabled"), "a kernel without AppArmor");
        await using var host = OciHost.Create(o => (o.RuntimePath, o.Labels) = (runtime, new SecurityLabels { AppArmorProfile = "docker-default" }));
        var refused = await Assert.ThrowsAsync<ContainerException>(() => host.CreateGroupAsync());
        Assert.Equal(ContainerFailure.EngineUnavailable, refused.Reason);
        Assert.Equal("No container is made: Engine:AppArmorProfile names docker-default, and AppArmor is not in force on this machine. What to do: take the setting away, or boot with apparmor=1 security=apparmor.", refused.Message);
        var readiness = await host.Engine.ProbeAsync(TestContext.Current.CancellationToken);
        Assert.False(readiness.Usable);
        Assert.Contains(readiness.Checks, c => c is { Name: "label", Status: ReadinessStatus.Failed });
    }

    [Theory]
    [InlineData("apparmor", "mine", null, null, null)]
    [InlineData("", "unconfined", null, null, null)]
    [InlineData("", "mine", null, null, "has no AppArmor")]
    [InlineData("selinux", null, Label, null, null)]
    [InlineData("apparmor", null, Label, null, "does not use SELinux")]
    [InlineData("selinux", null, Label, FileLabel, "kept by the engine oci only")]
    public void An_engine_that_has_not_what_is_set_is_refused_because_it_would_leave_it_out(string modules, string? profile, string? label, string? mountLabel, string? said)
    {
        var labels = new SecurityLabels { AppArmorProfile = profile, SelinuxLabel = label, SelinuxMountLabel = mountLabel };
        string[] options = [.. modules.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(m => "name=" + m), "name=seccomp,profile=default"];
        var problem = DockerSecurity.ProblemOf(labels, options);
        Assert.Equal(said is null, problem is null);
        Assert.Contains(said ?? "", problem ?? "", StringComparison.Ordinal);
        Assert.Equal(said is null ? ReadinessStatus.Ok : ReadinessStatus.Failed, DockerProbe.LabelOf(labels, options).Status);
    }

    [Fact]
    public void A_Docker_engine_is_told_the_labels_as_its_options() => Assert.Equal(
        ["apparmor=mine", "label=user:system_u", "label=role:system_r", "label=type:container_t", "label=level:s0:c12,c34"],
        DockerSecurity.OptionsOf(new SecurityLabels { AppArmorProfile = "mine", SelinuxLabel = Label }));

    [Theory]
    [InlineData(0, "it has none")]
    [InlineData(2, "version 2")]
    [InlineData(7, "are kept within it by the kernel too (Landlock 7)")]
    public void The_doctor_says_what_the_kernels_Landlock_can_do(int version, string said) => Assert.Contains(said, LandlockOfHost.Check(version).Detail, StringComparison.Ordinal);

    private static RuntimeSpec Specification(bool privileged) => new()
    {
        Root = "/root",
        Bundle = "/bundle",
        HostName = "step",
        UserNamespacePath = "/proc/1/ns/user",
        NetworkNamespacePath = "/proc/1/ns/net",
        FirstHostId = 100_000,
        CgroupPath = null,
        Limits = ResourceLimits.None,
        Binds = [],
        Privileged = privileged,
        AllowNewPrivileges = false,
        SharedMemoryBytes = 1 << 20,
        OpenFiles = 1024,
        Allow32Bit = false,
        FilterByRuntime = false,
        Labels = new SecurityLabels { AppArmorProfile = "mine", SelinuxLabel = Label, SelinuxMountLabel = FileLabel },
    };

    private static void Write(TestFolder folder, string file, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[file])!);
        File.WriteAllText(folder[file], content);
    }
}
