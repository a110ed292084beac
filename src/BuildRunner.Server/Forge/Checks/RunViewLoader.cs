using System.Collections.Immutable;
using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>Reads a run as its checks show it: state, problems of its files, and from the logs of what has ended the last lines and the marks that steps made.</summary>
internal sealed class RunViewLoader(Database database, RunPlans plans, LogScans scans, TestResults tests, Links links)
{
    /// <summary>The view; null: there is no such run.</summary>
    public async Task<RunView?> LoadAsync(Guid run, CancellationToken cancellationToken)
    {
        var found = await database.ReadAsync(
            async db => await (
                from row in db.Runs
                join plan in db.RunPlans on row.Id equals plan.Run
                join repository in db.Repositories on row.Repository equals repository.Id
                join approval in db.Approvals on row.Id equals approval.Run into approvals
                from approval in approvals.DefaultIfEmpty()
                where row.Id == run
                select new Found(row, plan.Diagnostics, repository.Name, approval)).SingleOrDefaultAsync(cancellationToken),
            cancellationToken);
        if (found is null)
        {
            return null;
        }

        var (row, diagnostics, name, approval) = found;
        var state = row.State is null ? null : JsonSerializer.Deserialize(row.State, RunJson.Default.RunState);
        var planned = state is null ? null : await database.ReadAsync(db => plans.OfAsync(db, run), cancellationToken);
        var marks = state is null ? StepMarks.None : await MarksAsync(run, state, planned!, cancellationToken);
        return new RunView
        {
            Id = new RunId(run),
            Number = row.Number,
            Commit = row.Commit,
            Event = row.Event,
            Revision = row.Version,
            Page = links.Run(name, row.Number),
            State = state,
            NeedsApproval = approval is { Approved: null } && row.Stage == RunStage.Blocked ? approval.Reason : null,
            EndedBefore = state is null && row.EndedAt is { } at ? new RunResult(new Outcome.Invalid(), at) : null,
            Labels = (planned?.Plan.Workflows ?? []).Where(w => w.Matrix.Count > 0).ToDictionary(w => w.Name, w => w.Label, StringComparer.Ordinal),
            FileProblems = diagnostics is null ? [] : [.. JsonSerializer.Deserialize(diagnostics, StoredJson.Default.IReadOnlyListDiagnostic)!.Select(OfFile)],
            Annotations = marks.Annotations,
            Tails = marks.Tails,
            Tests = marks.Tests,
        };
    }

    private static CheckAnnotation OfFile(Diagnostic problem) => new(
        problem.Location.File,
        problem.Location.Line,
        problem.Location.Line,
        problem.Severity == DiagnosticSeverity.Error ? AnnotationLevel.Failure : AnnotationLevel.Warning,
        problem.Hint is null ? problem.Message : $"{problem.Message}. {problem.Hint}",
        problem.Code);

    private async Task<StepMarks> MarksAsync(Guid run, RunState state, PlannedRun planned, CancellationToken stop)
    {
        var work = await database.ReadAsync(
            db => db.Work.Where(w => w.Run == run && w.Kind == WorkKind.Step && w.State == WorkState.Done).Select(w => new { w.Id, w.Workflow, w.Step, w.Attempt }).ToListAsync(stop), stop);
        var annotations = new Dictionary<string, IReadOnlyList<CheckAnnotation>>(StringComparer.Ordinal);
        var tails = new Dictionary<(string Workflow, string Step), LogTail>();
        var reports = new Dictionary<(string Workflow, string Step), TestReport>();
        foreach (var workflow in state.Workflows)
        {
            // In the order in which steps ended: what was sent to the forge stays where it is in the list.
            var root = planned.Plan.Workflows.FirstOrDefault(w => w.Name == workflow.Name)?.WorkspaceTree;
            var marks = new List<CheckAnnotation>();
            foreach (var step in workflow.Steps.Where(s => s.Phase is StepPhase.Done && !s.Attempts.IsEmpty).OrderBy(s => ((StepPhase.Done)s.Phase).At))
            {
                if (work.FirstOrDefault(w => w.Workflow == workflow.Name && w.Step == step.Name && w.Attempt == step.Attempts[^1].Number) is not { } ended)
                {
                    continue;
                }

                var scan = await scans.OfAsync(new LogKey(run, ended.Id, LogStreams.Output), root, stop);
                marks.AddRange(scan.Annotations);
                if (await tests.OfAsync(run, ended.Id, stop) is { } report)
                {
                    reports[(workflow.Name, step.Name)] = report;
                    marks.AddRange(TestResults.MarksOf(report));
                }

                if (step.Phase is StepPhase.Done { Outcome: not (Outcome.Success or Outcome.Skipped) } && scan.Tail is { } tail)
                {
                    tails[(workflow.Name, step.Name)] = tail;
                }
            }

            annotations[workflow.Name] = marks;
        }

        return new StepMarks(annotations, tails, reports);
    }

    private sealed record Found(RunRow Row, string? Diagnostics, string Repository, ApprovalRow? Approval);

    private sealed record StepMarks(
        IReadOnlyDictionary<string, IReadOnlyList<CheckAnnotation>> Annotations, IReadOnlyDictionary<(string Workflow, string Step), LogTail> Tails,
        IReadOnlyDictionary<(string Workflow, string Step), TestReport> Tests)
    {
        public static StepMarks None { get; } = new(
            ImmutableDictionary<string, IReadOnlyList<CheckAnnotation>>.Empty, ImmutableDictionary<(string Workflow, string Step), LogTail>.Empty,
            ImmutableDictionary<(string Workflow, string Step), TestReport>.Empty);
    }
}
