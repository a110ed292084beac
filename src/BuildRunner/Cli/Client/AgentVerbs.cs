using System.CommandLine;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Client;

/// <summary><c>agents …</c> and <c>queue …</c>: who works, and what waits.</summary>
internal static class AgentVerbs
{
    public static IEnumerable<Command> Create(ClientScope scope)
    {
        yield return ClientScope.Bare(
            "agents", "the agents of a server: list, drain, resume, remove, token",
            List(scope),
            Change(scope, "drain", "let it finish what it has and take nothing new", ApiRoutes.AgentDrain),
            Change(scope, "resume", "let it take work again", ApiRoutes.AgentResume),
            Remove(scope),
            Token(scope));
        yield return ClientScope.Bare(
            "queue", "what waits and why: list, pause, resume",
            Waiting(scope), Pause(scope), Resume(scope));
    }

    /// <summary><c>agent token</c> and <c>agents token</c>: a token by which one agent registers.</summary>
    public static Command Token(ClientScope scope)
    {
        var labels = new Option<string[]>("--label") { Description = "a label that the agent will have", HelpName = "NAME=VALUE" };
        var valid = new Option<string?>("--valid-for") { Description = "how long it may be used, as 30m, 12h or 7d (default: 1h)", HelpName = "TIME" };
        var json = ClientScope.Json();
        return scope.Verb("token", "a token by which one agent registers; it is shown this once", async call =>
        {
            var body = new NewAgentToken { Labels = NameValues.Read("--label", null, call.Get(labels), call.Host), ValidForSeconds = SecondsOf(call.Get(valid), "--valid-for") };
            var token = await call.Api.SendAsync(HttpMethod.Post, ApiRoutes.AgentTokens, body, ApiJson.Default.NewAgentToken, ApiJson.Default.AgentToken, call.Stop);
            if (!call.Get(json))
            {
                call.Host.Say($"for one agent, until {token.ExpiresAt:u}; on its machine, at the first start: buildrunner agent --server {call.Api.Url} --token-file FILE (- reads it from standard input)\n");
            }

            return call.Print(json, token, t => t.Token + "\n");
        }, labels, valid, json);
    }

    /// <summary>A time as people write it, in seconds; null stays null.</summary>
    public static long? SecondsOf(string? text, string option) => text is null ? null
        : SettingText.TryDuration(text, out var time) && time > TimeSpan.Zero ? (long)time.TotalSeconds
        : throw new CliException(ExitCode.Usage, $"{option} {text}: not a time, as 30m, 12h or 7d");

    private static Command List(ClientScope scope)
    {
        var json = ClientScope.Json();
        return scope.Verb("ls", "list them", async call =>
        {
            var agents = (await call.Api.GetAsync(ApiRoutes.Agents, ApiJson.Default.AgentList, call.Stop)).Items;
            return call.Print(json, agents, items => items.Count == 0
                ? "no agent yet; make a token with 'buildrunner agents token', then on the other machine: buildrunner agent\n"
                : TextTable.Of(call.Style, ["NAME", "STATE", "SLOTS", "VERSION", "DISK FREE", "LABELS", "RUNNING"], items.Select(a => Row(call, a))));
        }, json);
    }

    private static string[] Row(ClientCall call, AgentInfo agent) =>
    [
        RunText.Safe(agent.Name) + (agent.Embedded ? " (embedded)" : ""),
        agent.State + (agent.Reason is { } reason ? $": {RunText.Safe(reason)}" : agent.State == "offline" && agent.LastSeen is { } seen ? $" for {SizeText.Of(call.Now - seen)}" : ""),
        $"{agent.Running.Count}/{agent.Slots}",
        RunText.Safe(agent.Version),
        agent.FreeDisk is { } free ? SizeText.Of(free) : "",
        RunText.Safe(string.Join(' ', agent.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"))),
        RunText.Safe(string.Join(", ", agent.Running)),
    ];

    private static Command Change(ClientScope scope, string verb, string description, string route)
    {
        var (name, json) = (Name(), ClientScope.Json());
        return scope.Verb(verb, description, async call =>
        {
            var agent = await call.Api.PostAsync(ApiRoutes.With(route, "agent", call.Get(name)!), ApiJson.Default.AgentInfo, call.Stop);
            return call.Print(json, agent, a => $"{RunText.Safe(a.Name)} is {a.State}{(a.Running.Count > 0 ? $", {Counts.Of(a.Running.Count, "step")} {(a.Running.Count == 1 ? "goes" : "go")} on" : "")}\n");
        }, name, json);
    }

    private static Command Remove(ClientScope scope)
    {
        var name = Name();
        return scope.Removal(
            "remove it: its credential opens nothing any more",
            call => $"remove the agent {call.Get(name)}; what it runs is given away or lost",
            call => ApiRoutes.With(ApiRoutes.AgentByName, "agent", call.Get(name)!),
            name);
    }

    private static Argument<string> Name() => new("AGENT") { Description = "its name in 'agents ls'" };

    private static Command Waiting(ClientScope scope)
    {
        var json = ClientScope.Json();
        return scope.Verb("ls", "what waits, in the order in which it will be handed out", async call =>
            call.Print(json, await call.Api.GetAsync(ApiRoutes.Queue, ApiJson.Default.QueueInfo, call.Stop), queue => TextOf(call, queue)), json);
    }

    private static Command Pause(ClientScope scope)
    {
        var json = ClientScope.Json();
        var why = new Option<string?>("--why") { Description = "a clause for whoever waits", HelpName = "TEXT" };
        return scope.Verb("pause", "hand nothing new out; what has begun is finished", async call =>
        {
            var queue = await call.Api.SendAsync(HttpMethod.Post, ApiRoutes.QueuePause, new PauseQueue(call.Get(why)), ApiJson.Default.PauseQueue, ApiJson.Default.QueueInfo, call.Stop);
            return call.Print(json, queue, q => TextOf(call, q));
        }, why, json);
    }

    private static Command Resume(ClientScope scope)
    {
        var json = ClientScope.Json();
        return scope.Verb("resume", "hand out again", async call =>
            call.Print(json, await call.Api.PostAsync(ApiRoutes.QueueResume, ApiJson.Default.QueueInfo, call.Stop), queue => TextOf(call, queue)), json);
    }

    private static string TextOf(ClientCall call, QueueInfo queue)
    {
        var head = queue.PausedBy is { } who ? $"! paused by {RunText.Safe(who)}; buildrunner queue resume\n" : "";
        var table = queue.Items.Count == 0
            ? "nothing waits\n"
            : TextTable.Of(call.Style, ["WAITS", "WHAT", "SINCE", "WHY"], queue.Items.Select((item, at) => (string[])
            [
                $"{at + 1}", RunText.Safe($"{item.Repo}#{item.Number} {item.Label}{(item.Step is { } step ? "/" + step : "")}"), SizeText.Of(call.Now - item.Since), RunText.Safe(item.Reason),
            ]));
        return head + table + (queue.Total > queue.Items.Count ? $"and {queue.Total - queue.Items.Count} more\n" : "");
    }
}
