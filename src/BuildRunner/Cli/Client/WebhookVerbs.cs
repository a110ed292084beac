using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary><c>webhook …</c>: endpoints that start runs, and what arrived at them.</summary>
internal static class WebhookVerbs
{
    public static Command Create(ClientScope scope) => ClientScope.Bare(
        "webhook",
        "endpoints that start runs: list, set, rotate, remove, deliveries, replay",
        List(scope),
        Set(scope),
        Rotate(scope),
        Remove(scope),
        Deliveries(scope),
        Replay(scope));

    private static Command List(ClientScope scope)
    {
        var (repository, json) = (Repository(), ClientScope.Json());
        return scope.Verb("ls", "list them", async call =>
        {
            var hooks = (await call.Api.GetAsync(ApiRoutes.For(TriggerRoutes.Hooks, ClientCall.Checked(call.Get(repository)!)), ApiJson.Default.HookList, call.Stop)).Items;
            SayRefused(call, json, hooks.Select(h => h.Refused).OfType<RefusedInfo>());
            return call.Print(json, hooks, items => items.Count == 0
                ? "no endpoint here\n"
                : TextTable.Of(call.Style, ["NAME", "SCHEME", "STATE", "LAST", "ADDRESS"], items.Select(h => (string[])
                [
                    RunText.Safe(h.Name), SchemeOf(h), h.Enabled ? "enabled" : "disabled",
                    h.LastDeliveryAt is { } last ? SizeText.Of(call.Now - last) + " ago" : "never", RunText.Safe(h.Url),
                ])));
        }, repository, json);
    }

    private static Command Set(ClientScope scope)
    {
        var (repository, name, json) = (Repository(), Name(), ClientScope.Json());
        var scheme = new Option<string>("--scheme") { Description = "how senders prove themselves: standard (Standard Webhooks), github, token (weak)", DefaultValueFactory = _ => "standard" };
        scheme.AcceptOnlyFromAmong("standard", "github", "token");
        var branch = new Option<string?>("--branch") { Description = "the branch that runs (default: the default branch)", HelpName = "BRANCH" };
        var inputs = new Option<string[]>("--input") { Description = "a field that becomes an input, as version=/release/tag or count:number=/count", HelpName = "NAME[:TYPE]=POINTER" };
        var only = new Option<string[]>("--only") { Description = "run only if this field is one of these, as /action=published,edited", HelpName = "POINTER=VALUE[,VALUE]" };
        var settings = new Option<string?>("--settings") { Description = "all settings as JSON, in place of the options above", HelpName = "FILE" };
        var disabled = new Option<bool>("--disabled") { Description = "refuse everything" };
        return scope.Verb("set", "make one, or change it; a secret that is made is shown this once", async call =>
        {
            var body = new SetHook
            {
                Settings = call.Get(settings) is { } file ? Read(call, file) : new HookSettings
                {
                    Scheme = call.Get(scheme)!,
                    Branch = call.Get(branch),
                    Inputs = [.. (call.Get(inputs) ?? []).Select(InputOf)],
                    Filters = [.. (call.Get(only) ?? []).Select(FilterOf)],
                },
                Enabled = !call.Get(disabled),
            };
            var hook = await call.Api.SendAsync(HttpMethod.Put, PathOf(call, TriggerRoutes.HookByName, repository, name), body, ApiJson.Default.SetHook, ApiJson.Default.CreatedHook, call.Stop);
            return call.Print(json, hook, TextOf);
        }, repository, name, scheme, branch, inputs, only, settings, disabled, json);
    }

    private static Command Rotate(ClientScope scope)
    {
        var (repository, name, json) = (Repository(), Name(), ClientScope.Json());
        return scope.Verb("rotate", "make a new secret; the one before it counts until the next rotation", async call =>
            call.Print(json, await call.Api.PostAsync(PathOf(call, TriggerRoutes.HookRotate, repository, name), ApiJson.Default.CreatedHook, call.Stop), TextOf), repository, name, json);
    }

    private static Command Remove(ClientScope scope)
    {
        var (repository, name) = (Repository(), Name());
        return scope.Removal("remove one", call => $"remove the endpoint {call.Get(name)}", call => PathOf(call, TriggerRoutes.HookByName, repository, name), repository, name);
    }

    private static Command Deliveries(ClientScope scope)
    {
        var source = new Option<string?>("--source") { Description = "only from there: github, or hook/NAME", HelpName = "SOURCE" };
        var limit = new Option<int>("--limit") { Description = "at most so many", HelpName = "N", DefaultValueFactory = _ => 50 }.Between(1, 200);
        var json = ClientScope.Json();
        return scope.Verb("deliveries", "what arrived, newest first, and what became of it", async call =>
        {
            var path = ClientQuery.Path(TriggerRoutes.Deliveries, ("source", call.Get(source)), ("limit", call.Get(limit).ToString(CultureInfo.InvariantCulture)));
            var found = (await call.Api.GetAsync(path, ApiJson.Default.DeliveryList, call.Stop)).Items;
            SayRefused(call, json, (await call.Api.GetAsync(TriggerRoutes.Refused, ApiJson.Default.RefusedList, call.Stop)).Items.Where(r => call.Get(source) is null || r.Source == call.Get(source)));
            return call.Print(json, found, items => items.Count == 0
                ? "nothing has arrived\n"
                : TextTable.Of(call.Style, ["ID", "AT", "SOURCE", "EVENT", "STATE", "RUN", "VERDICT"], items.Select(d => (string[])
                [
                    d.Id, d.At.ToString("u", CultureInfo.InvariantCulture), RunText.Safe(d.Source), RunText.Safe(d.Event), d.State, RunText.Safe(d.Run ?? ""), RunText.Safe(d.Verdict),
                ])));
        }, source, limit, json);
    }

    private static Command Replay(ClientScope scope)
    {
        var (id, json) = (new Argument<string>("ID") { Description = "its id in 'webhook deliveries'" }, ClientScope.Json());
        return scope.Verb("replay", "carry one out again; what it started once does not start again", async call =>
            call.Print(json, await call.Api.PostAsync(ApiRoutes.With(TriggerRoutes.DeliveryReplay, "id", call.Get(id)!), ApiJson.Default.DeliveryInfo, call.Stop), d => $"{d.Id} is due again\n"), id, json);
    }

    // They are in no list, because nothing of them was kept; programs ask the API for them.
    private static void SayRefused(ClientCall call, Option<bool> json, IEnumerable<RefusedInfo> refused)
    {
        foreach (var one in call.Get(json) ? [] : refused)
        {
            call.Host.Say($"{RunText.Safe(one.Source)}: {one.Count} refused and not kept, the last {SizeText.Of(call.Now - one.LastAt)} ago: {RunText.Safe(one.Why)}\n");
        }
    }

    private static string TextOf(CreatedHook created)
    {
        var text = $"senders post to {RunText.Safe(created.Hook.Url)} (scheme: {SchemeOf(created.Hook)}{(created.Hook.Enabled ? "" : ", disabled")})\n";
        return created.Secret is { } secret ? text + $"its secret, shown this once: {secret}\n" : text;
    }

    private static string SchemeOf(HookInfo hook) => hook.Settings.Scheme == "token" ? "token (weak)" : RunText.Safe(hook.Settings.Scheme);

    private static HookSettings Read(ClientCall call, string file)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(call.Host.Directory, file)), ApiJson.Default.HookSettings) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CliException(ExitCode.Usage, $"--settings {file}: {FileTrouble.Of(e)}");
        }
    }

    private static HookInput InputOf(string text)
    {
        var (name, pointer) = Halves("--input", text);
        var parts = name.Split(':', 2);
        return new HookInput(parts[0], pointer, parts.Length == 2 ? parts[1] : "text");
    }

    private static HookFilter FilterOf(string text)
    {
        var (pointer, values) = Halves("--only", text);
        return new HookFilter(pointer, OneOf: values.Split(','));
    }

    private static (string Before, string After) Halves(string option, string text) =>
        text.IndexOf('=', StringComparison.Ordinal) is var at and > 0 ? (text[..at], text[(at + 1)..]) : throw new CliException(ExitCode.Usage, $"{option} {text}: an equals sign is missing");

    private static string PathOf(ClientCall call, string route, Argument<string> repository, Argument<string> name) =>
        ApiRoutes.With(ApiRoutes.For(route, ClientCall.Checked(call.Get(repository)!)), "hook", call.Get(name)!);

    private static Argument<string> Repository() => new("REPO") { Description = "the repository, as owner/name" };

    private static Argument<string> Name() => new("NAME") { Description = "its name, which is a part of its address" };
}
