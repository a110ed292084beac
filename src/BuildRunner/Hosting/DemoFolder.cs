using System.Diagnostics;
using BuildRunner.Cli;
using BuildRunner.Settings;

namespace BuildRunner.Hosting;

/// <summary>The folder of a demonstration: data, key and repository; removed with everything in it.</summary>
internal sealed class DemoFolder : IDisposable
{
    /// <summary>What the repository is called.</summary>
    public const string Name = "demo/hello";

    private const string Pipeline = """
        # Steps see this machine's own files under a throw-away layer, so that no registry is needed.
        skip_clone: true
        steps:
          - name: hello
            image: rootfs:/
            commands:
              - echo "hello from $CI_REPO, run $CI_PIPELINE_NUMBER, started by $CI_PIPELINE_EVENT, in a container of its own"
              - echo "what one step leaves in the workspace" > note.txt
              - touch /etc/gone-after-this-step
          - name: next
            image: rootfs:/
            commands:
              - cat note.txt
              - test ! -e /etc/gone-after-this-step && echo "everything else of the step before is gone"
        """;

    private readonly string path;

    private DemoFolder(string path) => this.path = path;

    /// <summary>The repository's path.</summary>
    public string Repository => Path.Combine(path, "repos", "hello");

    /// <summary>Settings that keep the demonstration to its folder.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings =>
    [
        new(ServerKeys.DataDir, Path.Combine(path, "data")),
        new(ServerKeys.MasterKeyFile, Path.Combine(path, "master.key")),
        new(ServerKeys.LocalFolders, Path.Combine(path, "repos")),
        new(ServerKeys.Listen, "http://127.0.0.1:0"),
        new(ServerKeys.DatabaseProvider, "sqlite"),
        new(ServerKeys.BusTransport, "inprocess"),
        new(ServerKeys.LoggingLevel, "warning"),
        new(TriggerKeys.SchedulesEnabled, "true"),
        new(TriggerKeys.SchedulesMinInterval, "1s"),
        new(SettingKeys.EngineAllowedRootFileSystems, "/"),
        new(AgentKeys.WorkDir, Path.Combine(path, "agent")),
        new(AgentKeys.MinFreeDisk, "0"),
    ];

    /// <summary>Makes one.</summary>
    public static DemoFolder Create() => new(Directory.CreateTempSubdirectory("buildrunner-demo-").FullName);

    /// <summary>Makes the repository, with one commit.</summary>
    public void MakeRepository()
    {
        Directory.CreateDirectory(Repository);
        File.WriteAllText(Path.Combine(Repository, ".buildrunner.yml"), Pipeline);
        Git("init", "--quiet", "--initial-branch=main");
        Git("add", "--all");
        Git("-c", "user.name=BuildRunner", "-c", "user.email=demo@localhost", "commit", "--quiet", "--message=Say hello");
    }

    public void Dispose() => Directory.Delete(path, recursive: true);

    private void Git(params string[] arguments)
    {
        var start = new ProcessStartInfo("git", ["-C", Repository, .. arguments]) { RedirectStandardError = true };
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                throw new CliException(ExitCode.Error, $"git could not make the repository: {error.Trim()}");
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new CliException(ExitCode.Error, "the demonstration needs git; install it");
        }
    }
}
