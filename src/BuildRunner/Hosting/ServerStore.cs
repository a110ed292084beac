using System.Globalization;
using BuildRunner.Cli;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Storage.Backup;
using BuildRunner.Settings;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Hosting;

/// <summary>What is done on the server's own machine by way of the database itself: tokens, links, backups. The server may be running meanwhile.</summary>
internal static class ServerStore
{
    /// <summary>Makes a token for the API.</summary>
    public static async Task<string> CreateTokenAsync(EffectiveSettings settings, CliHost host, string name, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        await using var desk = OpenDesk(ServerPlan.Of(settings, host.Environment), host);
        return await desk.CreateTokenAsync(name, scopes, cancellationToken);
    }

    /// <summary>Makes a link that signs a browser in, once.</summary>
    public static async Task<string> CreateLinkAsync(EffectiveSettings settings, CliHost host, bool listenIsGiven, CancellationToken cancellationToken)
    {
        var plan = ServerPlan.Of(settings, host.Environment);
        await using var desk = OpenDesk(plan, host);
        var running = listenIsGiven ? null : LastAddress.Read(plan.Options.DataDirectory);
        var root = ((plan.Options.PublicUrl ?? running)?.AbsoluteUri ?? ForThisMachine(plan.Listen[0])).TrimEnd('/');
        return $"{root}/login/link?token={await desk.CreateLinkAsync(cancellationToken)}";
    }

    // What listens for everybody is no address that could be opened.
    private static string ForThisMachine(BindingAddress listen) =>
        listen.Host is "*" or "+" or "0.0.0.0" or "[::]" ? string.Create(CultureInfo.InvariantCulture, $"{listen.Scheme}://127.0.0.1:{listen.Port}") : listen.ToString();

    /// <summary>The GitHub App that was made on this server's page; null: none, or there is no server on this machine.</summary>
    public static async Task<MadeApp?> GitHubAppAsync(EffectiveSettings settings, CliHost host, CancellationToken cancellationToken)
    {
        if (MissingStore(settings, host) is not null)
        {
            return null;
        }

        await using var desk = ServerDesk.Open(ServerPlan.Of(settings, host.Environment).Options, host.Time);
        return await desk.GitHubAppAsync(cancellationToken);
    }

    /// <summary>Brings the tables to this version.</summary>
    public static async Task MigrateAsync(EffectiveSettings settings, CliHost host, CancellationToken cancellationToken)
    {
        await using var desk = OpenDesk(ServerPlan.Of(settings, host.Environment), host);
        var made = await desk.MigrateAsync(cancellationToken);
        host.Print(made.Count == 0 ? "the database is at this version already\n" : string.Concat(made.Select(m => $"made {m}\n")));
    }

    /// <summary>Tells what is wrong with the store, a line for each thing that was looked at.</summary>
    public static async Task<int> CheckAsync(EffectiveSettings settings, CliHost host, CancellationToken cancellationToken)
    {
        RequireStore(settings, host);
        await using var desk = OpenDesk(ServerPlan.Of(settings, host.Environment), host);
        var findings = await desk.CheckAsync(cancellationToken);
        host.Print(string.Concat(findings.Select(f => $"{f.What}: {f.Problem ?? "fine"}\n")));
        return (int)(findings.All(f => f.Problem is null) ? ExitCode.Success : ExitCode.Error);
    }

    /// <summary>Writes a backup.</summary>
    public static Task BackupAsync(EffectiveSettings settings, CliHost host, string path, CancellationToken cancellationToken) => ToldAsync(async () =>
    {
        RequireStore(settings, host);
        var plan = ServerPlan.Of(settings, host.Environment);
        await using var desk = OpenDesk(plan, host);
        await desk.BackupAsync(path, cancellationToken);
        host.Print($"wrote {path}. The master key {plan.Options.Keys.CurrentId} is not in it; without that key its secrets cannot be read, so keep a copy of the key somewhere else\n");
    });

    /// <summary>Restores a backup.</summary>
    public static Task RestoreAsync(EffectiveSettings settings, CliHost host, string path, CancellationToken cancellationToken) => ToldAsync(async () =>
    {
        var options = ServerPlan.Of(settings, host.Environment).Options;
        using var folder = DataFolder.Open(options);
        var (key, at) = await ServerDesk.RestoreAsync(options, path, host.Time, cancellationToken);
        host.Print($"restored the backup of {at:yyyy-MM-dd HH:mm} UTC into {options.DataDirectory}\n");
        if (!options.Keys.Knows(key))
        {
            host.Say($"buildrunner: its secrets were sealed with the master key {key}, which is not here: put that key into Secrets:MasterKeyFile or Secrets:PreviousKeys before the server starts\n");
        }
    });

    // The folder is made where there is none: an administrator may make the first token before the first start.
    private static ServerDesk OpenDesk(ServerPlan plan, CliHost host)
    {
        DataFolder.Make(plan.Options);
        var desk = ServerDesk.Open(plan.Options, host.Time);
        desk.Waits += what => Say(host, what);
        return desk;
    }

    private static void Say(CliHost host, string what)
    {
        try
        {
            host.Say($"buildrunner: waiting for {what}\n");
        }
        catch (IOException)
        {
            // Nobody can be told, and nothing is lost by that: waiting goes on.
        }
    }

    // Looking makes nothing: no folder, no database, and above all no master key in the place of one that is elsewhere.
    private static void RequireStore(EffectiveSettings settings, CliHost host)
    {
        if (MissingStore(settings, host) is { } file)
        {
            throw new CliException(ExitCode.Usage, $"there is no database {file}; name the server's folder with --data-dir or {ServerKeys.DataDir}");
        }

        if (settings.Text(ServerKeys.MasterKey) is null && ServerSecrets.PathOfKey(settings, host.Environment) is var key && !File.Exists(key))
        {
            throw new CliException(ExitCode.Usage, $"there is no master key {key}; put the server's there, or name it with {ServerKeys.MasterKeyFile}");
        }
    }

    private static string? MissingStore(EffectiveSettings settings, CliHost host)
    {
        var file = Path.Combine(Path.GetFullPath(settings.Text(ServerKeys.DataDir) ?? StandardFolders.State(host.Environment)), "buildrunner.db");
        return settings.Text(ServerKeys.DatabaseProvider) == "sqlite" && !File.Exists(file) ? file : null;
    }

    private static async Task ToldAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (BackupException e)
        {
            throw new CliException(ExitCode.Error, e.Message);
        }
    }
}
