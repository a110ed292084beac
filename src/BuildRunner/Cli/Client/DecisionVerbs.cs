using System.CommandLine;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary>Verbs that decide about a run: <c>cancel</c>, <c>rerun</c>, <c>approve</c>, <c>decline</c>.</summary>
internal static class DecisionVerbs
{
    public static IEnumerable<Command> Create(ClientScope scope)
    {
        yield return Cancel(scope);
        yield return Rerun(scope);
        yield return Decide(scope, "approve", "let a run begin that waits for it", ApiRoutes.Approve, "approve");
        yield return Decide(scope, "decline", "end a run that waits for an approval", ApiRoutes.Decline, "decline");
    }

    private static Command Cancel(ClientScope scope)
    {
        var (run, repository, json, yes) = (ClientScope.Run(), ClientScope.Repository(), ClientScope.Json(), ClientScope.Yes());
        var why = new Option<string?>("--why") { Description = "a clause for whoever reads it", HelpName = "TEXT" };
        return scope.Verb("cancel", "end a run", async call =>
        {
            var (name, number) = await call.RunAsync(run, repository);
            call.Confirm(yes, $"end {name}#{number}");
            var path = ApiRoutes.For(ApiRoutes.Cancel, name, number);
            var details = await call.Api.SendAsync(HttpMethod.Post, path, new CancelRun(call.Get(why)), ApiJson.Default.CancelRun, ApiJson.Default.RunDetails, call.Stop);
            return call.Print(json, details, d => $"{d.Run.Repo}#{d.Run.Number} is being cancelled\n");
        }, run, repository, why, yes, json);
    }

    private static Command Rerun(ClientScope scope)
    {
        var (run, repository, json) = (ClientScope.Run(), ClientScope.Repository(), ClientScope.Json());
        var failed = new Option<bool>("--failed") { Description = "only workflows that did not end well, and those that depend on them" };
        var workflow = new Option<string?>("--workflow") { Description = "only this one, and those that depend on it; of a matrix cell as build/2 or 'build (go=1.22)'", HelpName = "NAME" };
        var (watch, progress, timestamps) = (WatchVerbs.Following(), WatchVerbs.Progress(), WatchVerbs.Timestamps());
        return scope.Verb("rerun", "run again what has ended, as a new attempt", async call =>
        {
            var (name, number) = await call.RunAsync(run, repository);
            var path = ApiRoutes.For(ApiRoutes.Rerun, name, number);
            var body = new RerunRun(call.Get(failed), call.Get(workflow));
            var summary = await call.Api.SendAsync(HttpMethod.Post, path, body, ApiJson.Default.RerunRun, ApiJson.Default.RunSummary, call.Stop);
            call.Print(json, summary, s => $"{s.Repo}#{s.Number} attempt {s.Attempt}\n{s.Url}\n");
            return call.Get(watch) ? await WatchVerbs.FollowAsync(call, summary, progress, timestamps) : WatchVerbs.Said(call, summary);
        }, run, repository, failed, workflow, watch, json, progress, timestamps);
    }

    // The commit is what is decided about: it is shown, and said back.
    private static Command Decide(ClientScope scope, string verb, string description, string route, string word)
    {
        var (run, repository, json) = (ClientScope.Run(), ClientScope.Repository(), ClientScope.Json());
        var commit = new Option<string?>("--commit") { Description = "the commit that you looked at, all its digits; asked for on a terminal", HelpName = "ID" };
        return scope.Verb(verb, description, async call =>
        {
            var at = await call.RunAsync(run, repository);
            var details = await call.DetailsAsync(at);
            if (details.Approval is not { Approved: null } approval)
            {
                throw new CliException(ExitCode.Usage, $"{at.Repository}#{at.Number} does not wait for an approval; it is {details.Run.State}");
            }

            var looked = call.Get(commit) ?? Ask(call, details, approval, word);
            if (!looked.Equals(approval.Commit, StringComparison.OrdinalIgnoreCase))
            {
                throw new CliException(
                    ExitCode.Usage, $"--commit {looked}: {(approval.Commit.StartsWith(looked, StringComparison.OrdinalIgnoreCase) ? "that is not all of it" : "that is another commit")}; {at.Repository}#{at.Number} waits for an approval of {approval.Commit}");
            }

            var path = ApiRoutes.For(route, at.Repository, at.Number);
            var after = await call.Api.SendAsync(HttpMethod.Post, path, new DecideRun(looked), ApiJson.Default.DecideRun, ApiJson.Default.RunDetails, call.Stop);
            return call.Print(json, after, d => $"{d.Run.Repo}#{d.Run.Number} at {looked}: {(d.Approval?.Approved == true ? "approved" : "declined")}\n");
        }, run, repository, commit, json);
    }

    private static string Ask(ClientCall call, RunDetails details, ApprovalDetails approval, string word)
    {
        var run = details.Run;
        call.Host.Say($"{run.Repo}#{run.Number}  {run.Event} {RunText.Safe(run.Place)} «{RunText.Safe(run.Title)}» by {RunText.Safe(run.Author)}\n{RunText.Safe(approval.Reason)}\ncommit {approval.Commit}\n");
        if (!call.Host.Terminal.InputIsTerminal)
        {
            throw new CliException(ExitCode.Usage, $"look at that commit, then: buildrunner {word} {run.Repo}#{run.Number} --commit {approval.Commit}");
        }

        call.Host.Say($"to {word} exactly this commit type its first seven digits: ");
        return call.Host.ReadLine()?.Trim() is { Length: >= 7 } typed && approval.Commit.StartsWith(typed, StringComparison.OrdinalIgnoreCase)
            ? approval.Commit
            : throw new CliException(ExitCode.Failure, "that is not the commit; nothing was done");
    }
}
