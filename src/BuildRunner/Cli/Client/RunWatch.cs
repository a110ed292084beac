using System.Text.Json;
using BuildRunner.Cli.Images;
using BuildRunner.Cli.Output;
using BuildRunner.Cli.Running;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Client;

/// <summary>Shows a server's run while it goes on, as <c>run</c> shows a local one, and ends with its result.</summary>
/// <remarks>A run that goes on is shown whole, however late somebody comes; of one that has ended there is the sum.</remarks>
internal sealed class RunWatch(ClientCall call, ProgressMode progress, TimestampMode timestamps)
{
    private readonly Style style = call.Globals.StyleOf(call.Parsed, call.Host);

    /// <summary>Follows it to its end.</summary>
    public async Task<ExitCode> FollowAsync(string repository, int number)
    {
        var events = new EventStream(call.Api, ApiRoutes.For(ApiRoutes.RunEvents, repository, number)).ReadAsync(call.Stop);
        Shown? shown = null;
        try
        {
            await foreach (var item in events)
            {
                if (item.EventType == "run" && JsonSerializer.Deserialize(item.Data, ApiJson.Default.RunDetails) is { } details)
                {
                    shown ??= Begin(details);
                    if (shown is not null)
                    {
                        await shown.AdvanceAsync(details);
                    }

                    if (RunStates.Ended.Contains(details.Run.State))
                    {
                        return await EndAsync(shown, details);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (call.Host.Signals.Received is { } signal)
        {
            call.Host.Say($"the run goes on; to end it: buildrunner cancel {repository}#{number}\n");
            return signal;
        }
        finally
        {
            if (shown is not null)
            {
                await shown.DisposeAsync();
            }
        }

        throw EventStream.Broken("it ended early");
    }

    // A run whose files have errors, or that is not planned yet, has nothing to show.
    private Shown? Begin(RunDetails details)
    {
        if (details.Approval is { Approved: null } approval)
        {
            call.Host.Say($"waits for an approval of {approval.Commit}: buildrunner approve {details.Run.Repo}#{details.Run.Number} --commit {approval.Commit}\n");
        }

        if (details.Workflows.Count == 0)
        {
            return null;
        }

        SayBefore(details);
        var plan = RemoteRun.PlanOf(details);
        var run = details.Run;
        var title = new RunTitle(RemoteRun.StateOf(details).Id, $"{run.Repo}#{run.Number}", $"{run.Event} {RunText.Safe(run.Place)} {RunText.Short(run.Commit)}", new StepLabels(plan))
        {
            StartedAt = run.StartedAt ?? run.CreatedAt,
            CtrlC = "ctrl-c leaves, the run goes on",
        };
        var stamps = new Timestamps(timestamps, run.StartedAt ?? run.CreatedAt, call.Host.Time.LocalTimeZone);
        IRunView view = progress switch
        {
            ProgressMode.Json => new JsonView(call.Host.Output, title, call.Host.Time),
            ProgressMode.Quiet => new QuietView(),
            ProgressMode.Live => new LiveView(call.Host.Error, style, title, plan, call.Host.Terminal, call.Host.Time),
            _ => new PlainView(call.Host.Error, style, title, plan, stamps, call.Host.Time),
        };
        return new Shown(call, title, view, details, withLogs: !RunStates.Ended.Contains(run.State));
    }

    // What is to be known before anything is shown: where the lines come from, and which steps cannot begin.
    private void SayBefore(RunDetails details)
    {
        if (progress is ProgressMode.Json or ProgressMode.Quiet)
        {
            return;
        }

        foreach (var problem in details.Diagnostics)
        {
            call.Host.Say(RunText.Problem(problem) + "\n");
        }

        var run = details.Run;
        if (run.EndedAt is { } ended && RunStates.Ended.Contains(run.State))
        {
            var lines = RunText.Broken(details).Any() ? $"the last {LogTails.Kept} lines of what did not end well follow, all lines are in" : "what its steps wrote is in";
            call.Host.Say($"{run.Repo}#{run.Number} ended {SizeText.Of(call.Now - ended)} ago: {lines} 'buildrunner logs {run.Repo}#{run.Number}'\n");
        }
    }

    private async Task<ExitCode> EndAsync(Shown? shown, RunDetails details)
    {
        var state = RemoteRun.StateOf(details);
        if (shown is null)
        {
            call.Host.Say(new RunText(style, call.Now).Show(details, new Dictionary<(string, string), IReadOnlyList<string>>()));
            return ExitCodes.Of(state.Result!.Outcome);
        }

        await shown.DisposeAsync();
        var run = details.Run;
        var hints = new List<(string, string)> { ("page", run.Url) };
        if (RunText.Broken(details).Select(s => RunText.Named(details, s.Workflow, s.Step)).FirstOrDefault() is { } step)
        {
            hints.Add(("full log", $"buildrunner logs {run.Repo}#{run.Number} {step}"));
            hints.Add(("run again", $"buildrunner rerun {run.Repo}#{run.Number} --failed"));
        }

        new Summary(call.Host.Error, style, shown.Title, shown.Tails, shown.Annotations).Write(state, hints);
        return ExitCodes.Of(state.Result!.Outcome);
    }

    /// <summary>A run in a view.</summary>
    private sealed class Shown : IAsyncDisposable
    {
        private const int KeptLines = LogTails.Kept;
        private static readonly TimeSpan LateLines = TimeSpan.FromSeconds(10);
        private readonly ClientCall call;
        private readonly IRunView view;
        private readonly bool withLogs;
        private readonly CancellationTokenSource end;
        private readonly Dictionary<(string Workflow, string Step, int Try), Task> followers = [];
        private RunState before;
        private bool begun;

        public Shown(ClientCall call, RunTitle title, IRunView view, RunDetails details, bool withLogs)
        {
            this.call = call;
            this.view = view;
            this.withLogs = withLogs;
            Title = title;
            Tails = new LogTails(view);
            Annotations = new StepAnnotations(RemoteRun.PlanOf(details)) { Next = Tails };
            before = RemoteRun.FreshOf(details);
            end = CancellationTokenSource.CreateLinkedTokenSource(call.Stop);
        }

        public RunTitle Title { get; }

        public LogTails Tails { get; }

        public StepAnnotations Annotations { get; }

        /// <summary>Shows what has changed. What a step wrote comes before how it ended.</summary>
        public async Task AdvanceAsync(RunDetails details)
        {
            var after = RemoteRun.StateOf(details);
            RunFact fact = begun ? new RunFact.TimePassed() : new RunFact.Begin();
            begun = true;
            foreach (var change in RunProgress.Of(new RunChange(after.Id, fact, before, after, [])))
            {
                await (change switch
                {
                    RunProgress.StepFinished(var workflow, var step, _, _) => LinesOfAsync(details, workflow, step),
                    RunProgress.AttemptEnded(var workflow, var step, _) => LinesOfAsync(details, workflow, step),
                    _ => Task.CompletedTask,
                });
                view.Show(change, after);
                if (change is RunProgress.StepStarted started)
                {
                    Follow(details, started.Workflow, started.Step);
                }
            }

            before = after;
        }

        public async ValueTask DisposeAsync()
        {
            await end.CancelAsync();
            await Task.WhenAll(followers.Values).WaitAsync(LateLines, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await view.DisposeAsync();
        }

        private void Follow(RunDetails details, string workflow, string name)
        {
            var of = details.Workflows.First(w => w.Name == workflow);
            var step = of.Steps.Concat(of.Services).First(s => s.Name == name);
            foreach (var attempt in step.Attempts.Where(a => a.State == RunStates.Running || RunStates.Ended.Contains(a.State)))
            {
                var key = (workflow, name, attempt.Number);
                if (!followers.ContainsKey(key) && (withLogs || step.Conclusion is not ("success" or "skipped")))
                {
                    followers[key] = FollowAsync(new StepLog(details.Run, workflow, name, attempt.Number));
                }
            }
        }

        // Never fails: a log that cannot be read is said in its place, and the run is still followed.
        private async Task FollowAsync(StepLog log)
        {
            try
            {
                await foreach (var (line, missing) in new RunLogs(call.Api).FollowAsync(log, withLogs ? null : KeptLines, end.Token))
                {
                    if (line is not null)
                    {
                        await WriteAsync(log, line.N, line.S switch { "out" => LogStream.Out, "err" => LogStream.Error, _ => LogStream.System }, line.At, RunLogs.Bytes(line));
                    }
                    else if (missing?.Missing is { } why)
                    {
                        await WriteAsync(log, 0, LogStream.System, call.Now, System.Text.Encoding.UTF8.GetBytes(why));
                    }
                }
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
                // Nobody looks any more.
            }
            catch (CliException e)
            {
                await WriteAsync(log, 0, LogStream.System, call.Now, System.Text.Encoding.UTF8.GetBytes($"its log cannot be read: {e.Message}"));
            }
        }

        private ValueTask WriteAsync(StepLog log, long number, LogStream stream, DateTimeOffset at, byte[] text) =>
            Annotations.WriteAsync(new LogLine(log.Workflow, log.Step, log.Try ?? 1, number, stream, at, text), end.Token);

        // Lines that do not come in time come after how it ended.
        private async Task LinesOfAsync(RunDetails details, string workflow, string step)
        {
            Follow(details, workflow, step);
            await Task.WhenAll(followers.Where(f => f.Key.Workflow == workflow && f.Key.Step == step).Select(f => f.Value))
                .WaitAsync(LateLines, TimeProvider.System, call.Stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
