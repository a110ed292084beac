using System.CommandLine;
using System.Globalization;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary><c>schedule …</c>: runs at set times.</summary>
internal static class ScheduleVerbs
{
    public static Command Create(ClientScope scope) => ClientScope.Bare(
        "schedule",
        "runs at set times: list, set, pause, resume, run-now, remove",
        List(scope),
        Set(scope),
        Switch(scope, "pause", "let it be due no more until it is resumed", TriggerRoutes.SchedulePause),
        Switch(scope, "resume", "let it be due again", TriggerRoutes.ScheduleResume),
        RunNow(scope),
        Remove(scope));

    private static Command List(ClientScope scope)
    {
        var (repository, json) = (Repository(), ClientScope.Json());
        return scope.Verb("ls", "list them, with the next times", async call =>
        {
            var path = ApiRoutes.For(TriggerRoutes.Schedules, ClientCall.Checked(call.Get(repository)!));
            var found = (await call.Api.GetAsync(path, ApiJson.Default.ScheduleList, call.Stop)).Items;
            return call.Print(json, found, items => items.Count == 0
                ? "no schedule here\n"
                : TextTable.Of(call.Style, ["NAME", "CRON", "ZONE", "BRANCH", "NEXT", "LAST"], items.Select(s => (string[])
                [
                    RunText.Safe(s.Name), RunText.Safe(s.Cron), RunText.Safe(s.Zone), RunText.Safe(s.Branch ?? "(default)"),
                    s.Enabled ? s.Next.Count == 0 ? "never" : s.Next[0].ToString("u", CultureInfo.InvariantCulture) : "paused",
                    s.Last.Count == 0 ? "never" : s.Last[0] is { Run: { } run } ? $"#{run}" : RunText.Safe(s.Last[0].Why ?? "on its way"),
                ])));
        }, repository, json);
    }

    private static Command Set(ClientScope scope)
    {
        var (repository, name, json) = (Repository(), Name(), ClientScope.Json());
        var cron = new Argument<string>("CRON") { Description = "five fields (minute, hour, day, month, weekday), six with seconds first, or @hourly, @daily, @weekly, @monthly, @yearly" };
        var zone = new Option<string?>("--zone") { Description = "a time zone such as Europe/Berlin (default: UTC)", HelpName = "ZONE" };
        var branch = new Option<string?>("--branch") { Description = "the branch that runs (default: the default branch)", HelpName = "BRANCH" };
        var input = new Option<string[]>("--input") { Description = "a value for one of the file's inputs", HelpName = "NAME=VALUE" };
        var misfire = new Option<string?>("--misfire") { Description = "what happens to times that were missed: once, skip, all", HelpName = "RULE" };
        misfire.AcceptOnlyFromAmong("once", "skip", "all");
        var overlap = new Option<string?>("--overlap") { Description = "what happens while its last run goes on: allow, skip, cancel_previous (default: allow)", HelpName = "RULE" };
        overlap.AcceptOnlyFromAmong("allow", "skip", "cancel_previous");
        return scope.Verb("set", "make one, or change it", async call =>
        {
            var body = new SetSchedule
            {
                Cron = call.Get(cron)!,
                Zone = call.Get(zone),
                Branch = call.Get(branch),
                Inputs = NameValues.Read("--input", null, call.Get(input), call.Host),
                Misfire = call.Get(misfire),
                Overlap = call.Get(overlap),
            };
            var schedule = await call.Api.SendAsync(HttpMethod.Put, PathOf(call, TriggerRoutes.ScheduleByName, repository, name), body, ApiJson.Default.SetSchedule, ApiJson.Default.ScheduleInfo, call.Stop);
            return call.Print(json, schedule, s => TextOf(s));
        }, repository, name, cron, zone, branch, input, misfire, overlap, json);
    }

    private static Command Switch(ClientScope scope, string verb, string description, string route)
    {
        var (repository, name, json) = (Repository(), Name(), ClientScope.Json());
        return scope.Verb(verb, description, async call =>
            call.Print(json, await call.Api.PostAsync(PathOf(call, route, repository, name), ApiJson.Default.ScheduleInfo, call.Stop), TextOf), repository, name, json);
    }

    private static Command RunNow(ClientScope scope)
    {
        var (repository, name, json) = (Repository(), Name(), ClientScope.Json());
        return scope.Verb("run-now", "start its run now, besides its times", async call =>
        {
            var run = await call.Api.PostAsync(PathOf(call, TriggerRoutes.ScheduleRun, repository, name), ApiJson.Default.RunSummary, call.Stop);
            return call.Print(json, run, r => $"{RunText.Safe(r.Repo)}#{r.Number}  {r.Url}\n");
        }, repository, name, json);
    }

    private static Command Remove(ClientScope scope)
    {
        var (repository, name) = (Repository(), Name());
        return scope.Removal("remove one; its runs stay", call => $"remove the schedule {call.Get(name)}", call => PathOf(call, TriggerRoutes.ScheduleByName, repository, name), repository, name);
    }

    private static string TextOf(ScheduleInfo schedule) => schedule switch
    {
        { Enabled: false } => $"{RunText.Safe(schedule.Name)} is paused\n",
        { Next.Count: 0 } => $"{RunText.Safe(schedule.Name)} is never due\n",
        _ => $"{RunText.Safe(schedule.Name)} is due {string.Join(", ", schedule.Next.Select(at => at.ToString("u", CultureInfo.InvariantCulture)))}\n",
    };

    private static string PathOf(ClientCall call, string route, Argument<string> repository, Argument<string> name) =>
        ApiRoutes.With(ApiRoutes.For(route, ClientCall.Checked(call.Get(repository)!)), "schedule", call.Get(name)!);

    private static Argument<string> Repository() => new("REPO") { Description = "the repository, as owner/name" };

    private static Argument<string> Name() => new("NAME") { Description = "its name; what when.cron names" };
}
