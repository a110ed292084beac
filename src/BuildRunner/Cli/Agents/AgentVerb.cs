using System.CommandLine;
using BuildRunner.Hosting;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Agents;

/// <summary><c>agent</c>: works for a server on another machine, or on this one in a process of its own.</summary>
internal static class AgentVerb
{
    private static readonly Option<string> TokenFile = new("--token-file")
    {
        Description = "the file with the one-time token, at the first start only; - reads standard input",
        HelpName = "FILE",
    };

    private static readonly Option<bool> Once = new("--once") { Description = "take one workflow and end" };

    private static readonly (Option<string> Option, string Key)[] Settings =
    [
        (new Option<string>("--server") { Description = "the server to work for (Agent:Server)", HelpName = "URL" }, AgentKeys.Server),
        (new Option<string>("--name") { Description = "the name it wants (Agent:Name)", HelpName = "NAME" }, AgentKeys.Name),
        (new Option<string>("--slots") { Description = "how many steps it runs at once (Agent:Slots)", HelpName = "N" }, AgentKeys.Slots),
        (new Option<string>("--work-dir") { Description = "where it keeps what it works on (Agent:WorkDir)", HelpName = "DIR" }, AgentKeys.WorkDir),
        (new Option<string>("--engine") { Description = "the container engine (Engine:Kind): oci, docker or dummy", HelpName = "NAME" }, SettingKeys.EngineKind),
    ];

    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var command = new Command("agent", "a worker: takes workflows from a server and runs them on this machine") { TokenFile, Once };
        Array.ForEach(Settings, s => command.Add(s.Option));
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            var given = from setting in Settings let value = parsed.GetValue(setting.Option) where value is not null select KeyValuePair.Create(setting.Key, value);
            var settings = globals.SettingsOf(parsed, here, given);
            here.ReexecRootless?.Invoke(settings, here, true);
            var secret = parsed.GetValue(TokenFile) is { } file ? await ReadAsync(file, here, token) : null;
            return await AgentProcess.RunAsync(settings, here, secret, parsed.GetValue(Once), token);
        });
        return command;
    }

    private static async Task<string> ReadAsync(string file, CliHost host, CancellationToken stop)
    {
        try
        {
            if (file != "-")
            {
                return (await File.ReadAllTextAsync(Path.GetFullPath(file, host.Directory), stop)).Trim();
            }

            using var reader = new StreamReader(host.Input, leaveOpen: true);
            return (await reader.ReadToEndAsync(stop)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"--token-file {file}: {FileTrouble.Of(e)}");
        }
    }
}
