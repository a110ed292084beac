using System.CommandLine;
using BuildRunner.Cli.LocalRuns;
using BuildRunner.Cli.Output;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Planning;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Client;

/// <summary><c>logs [RUN] [STEP]</c>: of a server's run, or of one that ran here.</summary>
/// <remarks>Here: no RUN, the id of a local run, and <c>@latest</c> or a number where no server is known; with <c>--local</c> always. At a server: every other form, and with <c>--server</c> always.</remarks>
internal sealed class LogVerb
{
    private readonly Argument<string?> run = new("RUN") { Description = RunAddress.Help + "; or the id of a local run, or its beginning (default: the latest of this folder)", Arity = ArgumentArity.ZeroOrOne };
    private readonly Argument<string?> step = new("STEP") { Description = "a step or service, as NAME or WORKFLOW/NAME; every one if left out", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> repository = ClientScope.Repository();
    private readonly Option<bool> failed = new("--failed") { Description = "only steps that did not end well" };
    private readonly Option<bool> follow = new("--follow", "-f") { Description = "until they have ended" };
    private readonly Option<int?> tail = new Option<int?>("--tail") { Description = "only the last so many lines of each", HelpName = "N" }.Between(1);
    private readonly Option<int?> attempt = new Option<int?>("--attempt") { Description = "of this attempt of the run (default: the last)", HelpName = "N" }.Between(1);
    private readonly Option<bool> raw = new("--raw") { Description = "the bytes that the step wrote, as they are" };
    private readonly Option<bool> local = new("--local") { Description = "of a run on this machine" };
    private readonly Option<string?> timestamps = new("--timestamps") { Description = "time before each line: elapsed, utc or local", HelpName = "HOW", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create(ClientScope scope)
    {
        var verb = new LogVerb();
        verb.timestamps.AcceptOnlyFromAmong("elapsed", "utc", "local");
        var command = ClientScope.Bare(
            "logs", "what the steps of a run wrote, here or at a server",
            verb.run, verb.step, verb.repository, verb.failed, verb.follow, verb.tail, verb.attempt, verb.raw, verb.timestamps, verb.local);
        return scope.Act(command, verb.IsLocal, verb.RunHere, verb.RunAsync);
    }

    /// <summary>How times are shown.</summary>
    public static TimestampMode TimestampsOf(ClientCall call, Option<string?> option) => call.Parsed.GetResult(option) is null ? TimestampMode.None : call.Get(option) switch
    {
        "utc" => TimestampMode.Utc,
        "local" => TimestampMode.Local,
        _ => TimestampMode.Elapsed,
    };

    private bool IsLocal(ParseResult parsed, string? server, CliHost host)
    {
        var named = parsed.GetValue(run);
        return parsed.GetValue(local) || (server is null && parsed.GetValue(repository) is null && (named is null
            || (!named.Contains('#') && !named.Contains('/') && !ServerAddress.IsKnown(server, host))
            || (named.Length > 7 && named.All(char.IsAsciiHexDigitLower))));
    }

    private ExitCode RunHere(ParseResult parsed, CliHost here, EffectiveSettings settings, Style style)
    {
        if (parsed.GetValue(follow) || parsed.GetValue(attempt) is not null)
        {
            throw new CliException(ExitCode.Usage, "--follow and --attempt are for runs of a server; name one, or add --server");
        }

        var how = new LogPrinting(parsed.GetValue(tail), parsed.GetResult(timestamps) is not null, parsed.GetValue(raw), style);
        return LocalLogs.Run(parsed.GetValue(run), parsed.GetValue(step), parsed.GetValue(failed), how, settings, here);
    }

    private async Task<ExitCode> RunAsync(ClientCall call)
    {
        var (name, number) = await call.FindAsync(call.Get(run) ?? "@latest", repository);
        if (call.Get(run) == "@latest" && call.Get(repository) is null)
        {
            call.Host.Say($"{name}#{number} at {call.Api.Url}; of the latest run here: buildrunner logs --local\n");
        }

        var path = ClientQuery.Path(ApiRoutes.For(ApiRoutes.Run, name, number), ("attempt", call.Get(attempt)?.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        var details = await call.Api.GetAsync(path, ApiJson.Default.RunDetails, call.Stop);
        var steps = Wanted(call, details);
        if (call.Get(raw))
        {
            foreach (var (workflow, one) in steps)
            {
                await new RunLogs(call.Api).CopyAsync(new StepLog(details.Run, workflow, one.Name, null), call.Get(tail), call.Host.Output, call.Stop);
            }

            return ExitCode.Success;
        }

        var output = new Printed(call, details, new Timestamps(TimestampsOf(call, timestamps), details.Run.StartedAt ?? details.Run.CreatedAt, call.Host.Time.LocalTimeZone), steps);
        if (call.Get(follow))
        {
            await Task.WhenAll(steps.Select(s => output.FollowAsync(s.Workflow, s.Step, call.Get(tail))));
            return ExitCode.Success;
        }

        foreach (var (workflow, one) in steps)
        {
            await output.PrintAsync(workflow, one, call.Get(tail));
        }

        if (!output.WroteAny)
        {
            call.Host.Say($"nothing was written{(call.Get(failed) ? " by a step that did not end well" : "")}; how the steps are tells: buildrunner show {name}#{number}\n");
        }

        return ExitCode.Success;
    }

    private List<(string Workflow, StepDetails Step)> Wanted(ClientCall call, RunDetails details)
    {
        var all = details.Workflows.SelectMany(w => w.Services.Concat(w.Steps).Select(s => (Workflow: w, Step: s))).ToList();
        var chosen = all.Select(s => (Workflow: s.Workflow.Name, s.Step)).ToList();
        if (call.Get(step) is { } named)
        {
            // As it is shown is as good as it is named.
            var found = all.Where(s => s.Step.Name == named || NamesOf(s.Workflow).Any(workflow => $"{workflow}/{s.Step.Name}" == named)).ToList();
            if (found.Count == 0)
            {
                var has = all.Count == 0 ? $"no steps at all: {details.Run.Reason ?? details.Run.State}" : string.Join(", ", all.Select(s => Shown(s.Workflow, s.Step)));
                throw new CliException(ExitCode.Usage, $"{details.Run.Repo}#{details.Run.Number} has no step '{named}'; it has {has}");
            }

            if (found.Count > 1)
            {
                throw new CliException(ExitCode.Usage, $"several workflows have a step '{named}': {string.Join(", ", found.Select(s => Shown(s.Workflow, s.Step)))}");
            }

            chosen = [(found[0].Workflow.Name, found[0].Step)];
        }

        if (call.Get(failed))
        {
            chosen = [.. chosen.Where(s => s.Step.Conclusion is "failure" or "timed_out" or "error" or "lost")];
        }

        // What never began has no log; whoever follows waits for it.
        return call.Get(follow) ? [.. chosen.Where(s => s.Step.State != "skipped")] : [.. chosen.Where(s => s.Step.Attempts.Count > 0)];
    }

    private static IEnumerable<string> NamesOf(WorkflowDetails workflow) => [workflow.Name, RunText.Label(workflow), CellLabel.Short(workflow.Name, workflow.Matrix)];

    private static string Shown(WorkflowDetails workflow, StepDetails step) =>
        $"{workflow.Name}/{step.Name}{(workflow.Matrix.Count > 0 ? $" ({string.Join(", ", workflow.Matrix.Select(m => RunText.Safe($"{m.Key}={m.Value}")))})" : "")}";

    /// <summary>Lines on standard output; of several steps with their names before them.</summary>
    private sealed class Printed(ClientCall call, RunDetails details, Timestamps times, List<(string Workflow, StepDetails Step)> steps)
    {
        private readonly StepLabels labels = new(RemoteRun.PlanOf(details));
        private readonly LineWriter writer = new(call.Host.Output);
        private readonly Lock gate = new();

        public bool WroteAny { get; private set; }

        public async Task PrintAsync(string workflow, StepDetails one, int? tail)
        {
            await foreach (var line in new RunLogs(call.Api).LinesAsync(new StepLog(details.Run, workflow, one.Name, null), tail, call.Stop))
            {
                Write(workflow, one.Name, line);
            }
        }

        public async Task FollowAsync(string workflow, StepDetails one, int? tail)
        {
            await foreach (var (line, end) in new RunLogs(call.Api).FollowAsync(new StepLog(details.Run, workflow, one.Name, null), tail, call.Stop))
            {
                if (line is not null)
                {
                    Write(workflow, one.Name, line);
                }
                else if (end?.Missing is { } why)
                {
                    call.Host.Say($"{labels.Of(workflow, one.Name)}: {RunText.Safe(why)}\n");
                }
            }
        }

        private void Write(string workflow, string name, LogEntry line)
        {
            lock (gate)
            {
                WroteAny = true;
                if (times.Text(line.At) is { } stamp)
                {
                    writer.Add(call.Style.Dim(stamp)).Add(" ");
                }

                if (steps.Count > 1)
                {
                    writer.Add(call.Style.Label(labels.Number(workflow, name), labels.Padded(workflow, name))).Add(" ").Add(call.Style.Dim(call.Style.Bar)).Add(" ");
                }

                LogText.WriteSafe(writer, RunLogs.Bytes(line), call.Style.Colour);
                writer.EndLine();
            }
        }
    }
}
