using System.CommandLine;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary><c>secret …</c> and <c>registry …</c>. Values come from standard input or a prompt, never from an argument, and never back.</summary>
internal static class SecretVerbs
{
    public static IEnumerable<Command> Create(ClientScope scope)
    {
        yield return ClientScope.Bare("secret", "secrets for steps: list, set, remove, rotate-key", List(scope), Set(scope), Remove(scope), Rotate(scope));
        yield return ClientScope.Bare("registry", "credentials for private images; no step sees them: list, set, remove", Registries(scope), SetRegistry(scope), RemoveRegistry(scope));
    }

    private static Command List(ClientScope scope)
    {
        var (level, json) = (new LevelOptions(), ClientScope.Json());
        return scope.Verb("ls", "list their names", async call =>
        {
            var path = level.Path(call, TriggerRoutes.Secrets, TriggerRoutes.SecretsOfOrganisation, TriggerRoutes.SecretsOfRepository);
            var secrets = (await call.Api.GetAsync(path, ApiJson.Default.SecretList, call.Stop)).Items;
            return call.Print(json, secrets, items => items.Count == 0
                ? $"no secret {level.Whose(call)}\n"
                : TextTable.Of(call.Style, ["NAME", "EVENTS", "BRANCHES", "IMAGES", "SET"], items.Select(s => (string[])
                [
                    RunText.Safe(s.Name), All(s.Events), All(s.Branches), All(s.Images), SizeText.Of(call.Now - s.UpdatedAt) + " ago",
                ])));
        }, level.Repository, level.Organisation, json);
    }

    private static Command Set(ClientScope scope)
    {
        var level = new LevelOptions();
        var name = new Argument<string>("NAME") { Description = "what from_secret names" };
        var events = Many("--event", "only these events get it", "EVENT");
        var branches = Many("--branch", "only these branches get it; * stands for anything", "PATTERN");
        var images = Many("--image", "only plugin steps of these images get it", "IMAGE");
        var rules = new Option<bool>("--rules-only") { Description = "keep the value, and change only who gets it" };
        var json = ClientScope.Json();
        return scope.Verb("set", "set one; the value is read from standard input or asked for", async call =>
        {
            var body = new SetSecret
            {
                Value = call.Get(rules) ? null : ValueOf(call, "value: "),
                Events = call.Get(events) ?? [],
                Branches = call.Get(branches) ?? [],
                Images = call.Get(images) ?? [],
            };
            var path = ApiRoutes.With(level.Path(call, TriggerRoutes.SecretByName, TriggerRoutes.SecretOfOrganisation, TriggerRoutes.SecretOfRepository), "secret", call.Get(name)!);
            var secret = await call.Api.SendAsync(HttpMethod.Put, path, body, ApiJson.Default.SetSecret, ApiJson.Default.SecretInfo, call.Stop);
            return call.Print(json, secret, s => $"{RunText.Safe(s.Name)} is set ({s.Level})\n");
        }, name, level.Repository, level.Organisation, events, branches, images, rules, json);
    }

    private static Command Remove(ClientScope scope)
    {
        var (level, name) = (new LevelOptions(), new Argument<string>("NAME") { Description = "its name in 'secret ls'" });
        return scope.Removal(
            "remove one",
            call => $"remove the secret {call.Get(name)}",
            call => ApiRoutes.With(level.Path(call, TriggerRoutes.SecretByName, TriggerRoutes.SecretOfOrganisation, TriggerRoutes.SecretOfRepository), "secret", call.Get(name)!),
            name, level.Repository, level.Organisation);
    }

    private static Command Rotate(ClientScope scope)
    {
        var json = ClientScope.Json();
        return scope.Verb("rotate-key", "seal everything anew with the present master key; afterwards the earlier ones may go", async call =>
            call.Print(json, await call.Api.PostAsync(TriggerRoutes.RotateKeys, ApiJson.Default.RotatedKeys, call.Stop), r => $"{r.Resealed} values were sealed anew\n"), json);
    }

    private static Command Registries(ClientScope scope)
    {
        var (level, json) = (new LevelOptions(), ClientScope.Json());
        return scope.Verb("ls", "list them", async call =>
        {
            var path = level.Path(call, TriggerRoutes.Registries, TriggerRoutes.RegistriesOfOrganisation, TriggerRoutes.RegistriesOfRepository);
            var found = (await call.Api.GetAsync(path, ApiJson.Default.RegistryList, call.Stop)).Items;
            return call.Print(json, found, items => items.Count == 0
                ? $"no credentials {level.Whose(call)}\n"
                : TextTable.Of(call.Style, ["HOST", "USER", "SET"], items.Select(r => (string[])[RunText.Safe(r.Host), RunText.Safe(r.User), SizeText.Of(call.Now - r.UpdatedAt) + " ago"])));
        }, level.Repository, level.Organisation, json);
    }

    private static Command SetRegistry(ClientScope scope)
    {
        var (level, host, json) = (new LevelOptions(), Host(), ClientScope.Json());
        var user = new Option<string>("--user") { Description = "the user; <token> for an identity token", HelpName = "USER", Required = true };
        return scope.Verb("set", "set the credentials for a host; the password is read from standard input or asked for", async call =>
        {
            var path = ApiRoutes.With(level.Path(call, TriggerRoutes.RegistryByHost, TriggerRoutes.RegistryOfOrganisation, TriggerRoutes.RegistryOfRepository), "host", call.Get(host)!);
            var body = new SetRegistry(call.Get(user)!, ValueOf(call, "password: "));
            var registry = await call.Api.SendAsync(HttpMethod.Put, path, body, ApiJson.Default.SetRegistry, ApiJson.Default.RegistryInfo, call.Stop);
            return call.Print(json, registry, r => $"{RunText.Safe(r.Host)} is set ({r.Level})\n");
        }, host, user, level.Repository, level.Organisation, json);
    }

    private static Command RemoveRegistry(ClientScope scope)
    {
        var (level, host) = (new LevelOptions(), Host());
        return scope.Removal(
            "remove those for a host",
            call => $"remove the credentials for {call.Get(host)}",
            call => ApiRoutes.With(level.Path(call, TriggerRoutes.RegistryByHost, TriggerRoutes.RegistryOfOrganisation, TriggerRoutes.RegistryOfRepository), "host", call.Get(host)!),
            host, level.Repository, level.Organisation);
    }

    private static Argument<string> Host() => new("HOST") { Description = "the registry, as images name it: registry.example:5000" };

    private static Option<string[]> Many(string name, string description, string help) => new(name) { Description = description, HelpName = help };

    private static string All(IReadOnlyList<string> values) => values.Count == 0 ? "all" : RunText.Safe(string.Join(',', values));

    // A file's last line feed is hardly ever a part of a password; whoever means it writes two.
    private static string ValueOf(ClientCall call, string prompt)
    {
        if (call.Host.Terminal.InputIsTerminal)
        {
            call.Host.Say(prompt);
            return call.Host.ReadHidden() ?? throw new CliException(ExitCode.Usage, "nothing was typed");
        }

        using var reader = new StreamReader(call.Host.Input, leaveOpen: true);
        var text = reader.ReadToEnd();
        text = text.EndsWith('\n') ? text[..^1] : text;
        return text.Length > 0 ? text : throw new CliException(ExitCode.Usage, "standard input holds nothing; write for example: printf %s \"$VALUE\" | buildrunner secret set NAME");
    }

    /// <summary>For whom: the installation, an organisation or a repository.</summary>
    private sealed class LevelOptions
    {
        public Option<string?> Repository { get; } = new("--repo") { Description = "of this repository (default: of the whole installation)", HelpName = "OWNER/NAME" };

        public Option<string?> Organisation { get; } = new("--org") { Description = "of every repository of this owner", HelpName = "OWNER" };

        public string Path(ClientCall call, string installation, string organisation, string repository) => (call.Get(Repository), call.Get(Organisation)) switch
        {
            (null, null) => installation,
            ({ } name, null) => ApiRoutes.For(repository, ClientCall.Checked(name)),
            (null, { } owner) => ApiRoutes.With(organisation, "owner", owner),
            _ => throw new CliException(ExitCode.Usage, "either --repo or --org"),
        };

        /// <summary>Whose, behind "no secret".</summary>
        public string Whose(ClientCall call) => (call.Get(Repository) ?? call.Get(Organisation)) is { } named
            ? $"of {RunText.Safe(named)} alone"
            : "of the whole installation; those of one repository: --repo OWNER/NAME, of an owner: --org OWNER";
    }
}
