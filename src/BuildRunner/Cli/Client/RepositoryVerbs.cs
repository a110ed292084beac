using System.CommandLine;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary><c>repo …</c>: the repositories of a server and what they may do.</summary>
internal static class RepositoryVerbs
{
    public static Command Create(ClientScope scope) => ClientScope.Bare(
        "repo", "the repositories of a server: list, show, add, set, remove", List(scope), Show(scope), Add(scope), Set(scope), Remove(scope));

    private static Command List(ClientScope scope)
    {
        var json = ClientScope.Json();
        return scope.Verb("ls", "list them", async call =>
        {
            var repositories = (await call.Api.GetAsync(ApiRoutes.Repositories, ApiJson.Default.RepositoryList, call.Stop)).Items;
            var words = new RunText(call.Style, call.Now);
            return call.Print(json, repositories, items => items.Count == 0
                ? "no repository yet; add one with: buildrunner repo add OWNER/NAME URL\n"
                : TextTable.Of(call.Style, ["REPOSITORY", "BRANCH", "LATEST RUN", "CLONED FROM"], items.Select(r => (string[])
                [
                    r.Name, RunText.Safe(r.DefaultBranch), r.LatestRun is { } run ? $"#{run.Number} {run.State}" : "none", RunText.Safe(r.CloneUrl),
                ])));
        }, json);
    }

    private static Command Show(ClientScope scope)
    {
        var (name, json) = (Name(), ClientScope.Json());
        return scope.Verb("show", "one repository and its settings", async call =>
            call.Print(json, await GetAsync(call, name), repository => Text(repository) + RefusedText(call, repository)), name, json);
    }

    private static Command Add(ClientScope scope)
    {
        var (name, json, flags) = (Name(), ClientScope.Json(), new RepositoryFlags());
        var url = new Argument<string>("URL") { Description = "where it is cloned from: https, ssh, or a folder that an administrator allowed" };
        return scope.Verb("add", "add one; what is there already is changed with set", async call =>
        {
            var body = new AddRepository
            {
                Name = ClientCall.Checked(call.Get(name)!),
                CloneUrl = call.Get(url)!,
                DefaultBranch = call.Get(flags.Branch),
                User = call.Get(flags.User),
                Credential = await flags.CredentialAsync(call),
                Settings = flags.Apply(call, new RepositorySettings()),
            };
            var added = await call.Api.SendAsync(HttpMethod.Post, ApiRoutes.Repositories, body, ApiJson.Default.AddRepository, ApiJson.Default.Repository, call.Stop);
            return call.Print(json, added, r => $"{r.Name} is here, default branch {RunText.Safe(r.DefaultBranch)}; start a run with: buildrunner start {r.Name}\n{(r.Webhook is null ? "" : RunText.Safe(r.Webhook) + "\n")}");
        }, [name, url, .. flags.All, json]);
    }

    private static Command Set(ClientScope scope)
    {
        var (name, json, flags) = (Name(), ClientScope.Json(), new RepositoryFlags());
        var url = new Option<string?>("--url") { Description = "where it is cloned from", HelpName = "URL" };
        return scope.Verb("set", "change one: what is given, the rest stays", async call =>
        {
            var settings = flags.ChangesSettings(call) ? flags.Apply(call, (await GetAsync(call, name)).Settings) : null;
            var body = new ChangeRepository
            {
                CloneUrl = call.Get(url),
                DefaultBranch = call.Get(flags.Branch),
                User = call.Get(flags.User),
                Credential = await flags.CredentialAsync(call),
                Settings = settings,
            };
            var path = ApiRoutes.For(ApiRoutes.RepositoryByName, ClientCall.Checked(call.Get(name)!));
            return call.Print(json, await call.Api.SendAsync(HttpMethod.Patch, path, body, ApiJson.Default.ChangeRepository, ApiJson.Default.Repository, call.Stop), Text);
        }, [name, url, .. flags.All, json]);
    }

    private static Command Remove(ClientScope scope)
    {
        var name = Name();
        return scope.Removal(
            "remove one, with its runs and logs",
            call => $"remove {ClientCall.Checked(call.Get(name)!)} with all its runs and logs",
            call => ApiRoutes.For(ApiRoutes.RepositoryByName, ClientCall.Checked(call.Get(name)!)),
            name);
    }

    private static Argument<string> Name() => new("REPO") { Description = "as owner/name" };

    private static Task<Repository> GetAsync(ClientCall call, Argument<string> name) =>
        call.Api.GetAsync(ApiRoutes.For(ApiRoutes.RepositoryByName, ClientCall.Checked(call.Get(name)!)), ApiJson.Default.Repository, call.Stop);

    // Whoever waits for a delivery that never came looks here first.
    private static string RefusedText(ClientCall call, Repository repository) => string.Concat((repository.Refused ?? []).Select(one =>
        $"refused           {one.Count} at {RunText.Safe(one.Source)}, the last {SizeText.Of(call.Now - one.LastAt)} ago: {RunText.Safe(one.Why)}\n"));

    private static string Text(Repository repository)
    {
        var settings = repository.Settings;
        var trust = new[] { settings.TrustPrivileged ? "privileged" : null, settings.TrustVolumes ? "volumes" : null, settings.TrustDevices ? "devices" : null, settings.TrustNetwork ? "network" : null }.OfType<string>().ToList();
        return $"""
            {repository.Name}
            cloned from       {RunText.Safe(repository.CloneUrl)}
            default branch    {RunText.Safe(repository.DefaultBranch)}
            pipeline files    {RunText.Safe(settings.PipelinePath ?? "where they usually are")}
            trusted with      {(trust.Count == 0 ? "nothing" : string.Join(", ", trust))}
            approval needed   {settings.Approve}
            priority          {settings.Priority}
            cancel superseded {settings.CancelSuperseded switch { true => "always", false => "never", null => "pull requests" }}
            time limit        {(settings.TimeoutSeconds is { } seconds ? Core.Runs.Durations.Text(TimeSpan.FromSeconds(seconds)) : "the server's")}
            latest run        {(repository.LatestRun is { } run ? $"#{run.Number} {run.State} {run.Url}" : "none")}

            """;
    }
}

/// <summary>What <c>repo add</c> and <c>repo set</c> take for a repository.</summary>
internal sealed class RepositoryFlags
{
    private readonly Option<string?> credential = new("--credential-file") { Description = "file with the password, token or private key; - is standard input", HelpName = "FILE" };
    private readonly Option<string?> path = new("--path") { Description = "where the pipeline files are", HelpName = "PATH" };
    private readonly Option<string?> trust = new("--trust") { Description = "what its steps may do, of privileged, volumes, devices and network, with commas; none", HelpName = "LIST" };
    private readonly Option<string> approve = new Option<string>("--approve") { Description = "whose pull requests need an approval: never, forks, outside_contributors, all", HelpName = "WHOSE" }
        .Among("never", "forks", "outside_contributors", "all");

    private readonly Option<int?> priority = new Option<int?>("--priority") { Description = "runs with a higher one go first", HelpName = "N" }.Between(-1000, 1000);
    private readonly Option<string> superseded = new Option<string>("--cancel-superseded") { Description = "a new run cancels those before it: always, never, pull_requests", HelpName = "WHEN" }
        .Among("always", "never", "pull_requests");

    private readonly Option<string?> timeout = new("--timeout") { Description = "time limit of workflows that set none, as 30m or 2h", HelpName = "TIME" };

    public Option<string?> Branch { get; } = new("--branch") { Description = "the default branch (default: the remote's)", HelpName = "NAME" };

    public Option<string?> User { get; } = new("--user") { Description = "the user for https", HelpName = "NAME" };

    public IEnumerable<Symbol> All => [Branch, User, credential, .. Settings];

    private Option[] Settings => [path, trust, approve, priority, superseded, timeout];

    /// <summary>Whether any setting was given.</summary>
    public bool ChangesSettings(ClientCall call) => Settings.Any(option => call.Parsed.GetResult(option) is { Implicit: false });

    /// <summary>The settings with what was given.</summary>
    public RepositorySettings Apply(ClientCall call, RepositorySettings settings)
    {
        var trusted = call.Get(trust)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (trusted?.FirstOrDefault(t => t is not ("privileged" or "volumes" or "devices" or "network" or "none")) is { } unknown)
        {
            throw new CliException(ExitCode.Usage, $"--trust takes privileged, volumes, devices, network or none; '{unknown}' is none of them");
        }

        return settings with
        {
            PipelinePath = call.Get(path) ?? settings.PipelinePath,
            TrustPrivileged = trusted?.Contains("privileged") ?? settings.TrustPrivileged,
            TrustVolumes = trusted?.Contains("volumes") ?? settings.TrustVolumes,
            TrustDevices = trusted?.Contains("devices") ?? settings.TrustDevices,
            TrustNetwork = trusted?.Contains("network") ?? settings.TrustNetwork,
            Approve = call.Get(approve) ?? settings.Approve,
            Priority = call.Get(priority) ?? settings.Priority,
            CancelSuperseded = call.Get(superseded) switch { "always" => true, "never" => false, "pull_requests" => null, _ => settings.CancelSuperseded },
            TimeoutSeconds = AgentVerbs.SecondsOf(call.Get(timeout), "--timeout") ?? settings.TimeoutSeconds,
        };
    }

    /// <summary>The credential; null if none was given. Never from an argument: others see those.</summary>
    public async Task<string?> CredentialAsync(ClientCall call)
    {
        if (call.Get(credential) is not { } file)
        {
            return null;
        }

        if (file == "-")
        {
            using var reader = new StreamReader(call.Host.Input, leaveOpen: true);
            return (await reader.ReadToEndAsync(call.Stop)).TrimEnd('\r', '\n');
        }

        try
        {
            return (await File.ReadAllTextAsync(Path.GetFullPath(file, call.Host.Directory), call.Stop)).TrimEnd('\r', '\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"--credential-file {file} cannot be read: {FileTrouble.Of(e)}");
        }
    }
}
