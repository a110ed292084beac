using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Client;

/// <summary><c>watch</c> and <c>start</c>.</summary>
internal static class WatchVerbs
{
    public static IEnumerable<Command> Create(ClientScope scope)
    {
        yield return Watch(scope);
        yield return Start(scope);
    }

    private static Command Watch(ClientScope scope)
    {
        var (run, repository, progress, timestamps) = (ClientScope.Run(), ClientScope.Repository(), Progress(), Timestamps());
        return scope.Verb("watch", "follow a run; exits with its result", async call =>
        {
            var (name, number) = await call.RunAsync(run, repository);
            return await new RunWatch(call, ModeOf(call, progress), TimestampsOf(call, timestamps)).FollowAsync(name, number);
        }, run, repository, progress, timestamps);
    }

    private static Command Start(ClientScope scope)
    {
        var repository = new Argument<string>("REPO") { Description = "the repository, as owner/name" };
        var flags = new StartFlags();
        var (watch, json, progress, timestamps) = (Following(), ClientScope.Json(), Progress(), Timestamps());
        return scope.Verb("start", "start a run; prints the address of its page", async call =>
        {
            var path = ApiRoutes.For(ApiRoutes.RunsOfRepository, ClientCall.Checked(call.Get(repository)!));

            // One key for this call: whatever happens on the way, it is one run.
            var run = await call.Api.SendAsync(
                HttpMethod.Post, path, flags.Read(call), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, call.Stop, Guid.NewGuid().ToString("N"));
            call.Print(json, run, r => r.Url + "\n");
            return call.Get(watch) ? await FollowAsync(call, run, progress, timestamps) : Said(call, run);
        }, [repository, .. flags.All, watch, json, progress, timestamps]);
    }

    /// <summary>Says at once what keeps a run, or some of its steps, from running: nobody may look at it next.</summary>
    /// <returns>How that ends the call.</returns>
    public static ExitCode Said(ClientCall call, RunSummary run)
    {
        foreach (var problem in run.Problems ?? [])
        {
            call.Host.Say(RunText.Problem(problem) + "\n");
        }

        return run.State == "invalid" ? ExitCodes.Of(new Outcome.Invalid()) : ExitCode.Success;
    }

    /// <summary>Follows a run that this call has started, with the options of <c>watch</c>; ends with its result.</summary>
    public static Task<ExitCode> FollowAsync(ClientCall call, RunSummary run, Option<string> progress, Option<string?> timestamps) =>
        new RunWatch(call, ModeOf(call, progress), TimestampsOf(call, timestamps)).FollowAsync(run.Repo, run.Number);

    /// <summary><c>--watch</c>.</summary>
    public static Option<bool> Following() => new("--watch") { Description = "follow it; exits with its result" };

    /// <summary><c>--progress</c>.</summary>
    public static Option<string> Progress() =>
        new Option<string>("--progress") { Description = "auto, tty, plain, json or quiet", HelpName = "HOW" }.Among("auto", "tty", "plain", "json", "quiet");

    /// <summary><c>--timestamps</c>.</summary>
    public static Option<string?> Timestamps()
    {
        var option = new Option<string?>("--timestamps") { Description = "time before each line: elapsed, utc or local", HelpName = "HOW", Arity = ArgumentArity.ZeroOrOne };
        option.AcceptOnlyFromAmong("elapsed", "utc", "local");
        return option;
    }

    private static ProgressMode ModeOf(ClientCall call, Option<string> progress)
    {
        var live = call.Host.Terminal.ErrorIsTerminal && call.Host.Environment.GetValueOrDefault("TERM") != "dumb";
        return call.Quiet ? ProgressMode.Quiet : (call.Get(progress) ?? call.Host.Environment.GetValueOrDefault("BUILDRUNNER_PROGRESS", "auto")) switch
        {
            "plain" => ProgressMode.Plain,
            "json" => ProgressMode.Json,
            "quiet" => ProgressMode.Quiet,
            "tty" when !live => throw new CliException(ExitCode.Usage, "--progress tty needs a terminal on standard error; take plain"),
            _ => live ? ProgressMode.Live : ProgressMode.Plain,
        };
    }

    private static TimestampMode TimestampsOf(ClientCall call, Option<string?> timestamps) => LogVerb.TimestampsOf(call, timestamps);
}

/// <summary>What <c>start</c> takes for the run.</summary>
internal sealed class StartFlags
{
    private readonly Option<string?> branch = new("--branch") { Description = "of this branch (default: the repository's)", HelpName = "NAME" };
    private readonly Option<string?> tag = new("--tag") { Description = "of this tag", HelpName = "NAME" };
    private readonly Option<string?> commit = new("--commit") { Description = "of exactly this commit", HelpName = "ID" };
    private readonly Option<int?> pull = new Option<int?>("--pr") { Description = "of this pull request", HelpName = "N" }.Between(1);
    private readonly Option<string[]> inputs = new("--input") { Description = "a value for the file's inputs", HelpName = "NAME=VALUE" };
    private readonly Option<string[]> environment = new("--env") { Description = "a variable for every step", HelpName = "NAME[=VALUE]" };
    private readonly Option<string?> title = new("--title") { Description = "one line for lists", HelpName = "TEXT" };

    public IEnumerable<Symbol> All => [branch, tag, commit, pull, inputs, environment, title];

    /// <summary>The request.</summary>
    public StartRun Read(ClientCall call) => new()
    {
        Branch = call.Get(branch),
        Tag = call.Get(tag),
        Commit = call.Get(commit),
        PullRequest = call.Get(pull),
        Inputs = NameValues.Read("--input", null, call.Get(inputs), call.Host),
        Environment = NameValues.Read("--env", null, call.Get(environment), call.Host),
        Title = call.Get(title),
    };
}
