using System.CommandLine;
using BuildRunner.Hosting;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Serving;

/// <summary><c>db migrate</c>, <c>check</c>, <c>backup</c>, <c>restore</c>: the server's store, on the server's machine.</summary>
internal static class DbVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var flags = new ServerFlags();
        var file = new Argument<string>("FILE") { Description = "the backup: a tar file, compressed if its name ends with .gz" };
        var migrate = new Command("migrate", "bring the tables to this version");
        migrate.SetAction((parsed, token) => Do(parsed, (settings, here) => ServerStore.MigrateAsync(settings, here, token)));
        var check = new Command("check", "look whether database, logs and keys are whole and belong together");
        check.SetAction((parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            return ServerStore.CheckAsync(globals.SettingsOf(parsed, here, flags.Of(parsed)), here, token);
        });
        var backup = new Command("backup", "write database and logs into one file; the server may run meanwhile") { file };
        backup.SetAction((parsed, token) => Do(parsed, (settings, here) => ServerStore.BackupAsync(settings, here, Path.GetFullPath(parsed.GetValue(file)!, here.Directory), token)));
        var restore = new Command("restore", "restore a backup into an empty data directory; the server must not run") { file };
        restore.SetAction((parsed, token) => Do(parsed, (settings, here) => ServerStore.RestoreAsync(settings, here, Path.GetFullPath(parsed.GetValue(file)!, here.Directory), token)));
        var command = new Command("db", "the server's store: migrate, check, back up, restore") { migrate, check, backup, restore };
        flags.AddTo(command);
        return command;

        Task Do(ParseResult parsed, Func<EffectiveSettings, CliHost, Task> work)
        {
            var here = globals.Apply(parsed, host);
            return work(globals.SettingsOf(parsed, here, flags.Of(parsed)), here);
        }
    }
}
