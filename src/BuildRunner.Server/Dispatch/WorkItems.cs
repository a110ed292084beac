using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using BuildRunner.Server.Triggers;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Writes out a piece of work for the agent that took it.</summary>
internal sealed class WorkItems(RunPlans plans, SecretStore secrets, RepositoryStore repositories, RegistryStore registries)
{
    /// <summary>The work, complete.</summary>
    public async Task<WorkItem> MakeAsync(WriteTurn turn, WorkRow row)
    {
        var planned = await plans.OfAsync(turn.Db, row.Run);
        var workflow = planned.Plan.Workflows.First(w => w.Name == row.Workflow);
        var step = row.Kind == WorkKind.Step ? workflow.Steps.First(s => s.Name == row.Step) : null;
        var image = step?.Image;
        var facts = await (
            from run in turn.Db.Runs
            join repository in turn.Db.Repositories on run.Repository equals repository.Id
            where run.Id == row.Run
            select new RunOfWork(run.Number, run.CreatedAt, run.Trust, repository.Id, repository.Name, repository.CloneUrl, repository.User, repository.Credential)
            {
                Digest = turn.Db.RunImages.Where(i => i.Run == run.Id && i.Image == image).Select(i => i.Digest).SingleOrDefault(),
            }).SingleAsync();
        return new WorkItem
        {
            Id = new WorkId(row.Id),
            Fence = row.Fence,
            Run = new RunId(row.Run),
            RunName = $"{facts.Name}#{facts.Number}",
            RunCreatedAt = facts.CreatedAt,
            Workflow = row.Workflow,
            Start = new WorkId(row.Start),
            Task = row.Kind switch
            {
                WorkKind.Start => await StartAsync(turn, facts, planned.Plan.Event, workflow),
                WorkKind.Step => await StepAsync(turn, facts, planned.Plan.Event, row, step!),
                _ => new WorkTask.Release(),
            },
        };
    }

    private async Task<WorkTask.Start> StartAsync(WriteTurn turn, RunOfWork facts, RunEvent runEvent, WorkflowPlan workflow)
    {
        var candidates = await SecretStore.OfAsync(turn.Db, facts.Repository, facts.Name);
        OpenedSecrets Open(StepPlan step) => secrets.Open(candidates, step, runEvent, facts.Decision);
        var ofServices = workflow.Services.Select(Open).ToList();
        return new WorkTask.Start
        {
            Plan = workflow,
            Event = runEvent,
            Secrets = Merge(ofServices.Select(s => s.Values)),
            SecretsWithheld = Merge(ofServices.Select(s => s.Withheld)),
            Mask = [.. ofServices.Concat(workflow.Steps.Select(Open)).SelectMany(s => s.Values.Values).Distinct(StringComparer.Ordinal)],
            Grants = Grants(facts.Decision),
            Registries = await RegistriesAsync(turn, facts),
        };
    }

    private async Task<WorkTask.Step> StepAsync(WriteTurn turn, RunOfWork facts, RunEvent runEvent, WorkRow row, StepPlan step)
    {
        var opened = secrets.Open(await SecretStore.OfAsync(turn.Db, facts.Repository, facts.Name), step, runEvent, facts.Decision);
        await SecretStore.NoteUseAsync(turn, opened);
        var state = (await RunWriter.StateAsync(turn, row.Run)).Workflow(row.Workflow);
        return new WorkTask.Step
        {
            Plan = step with { Environment = Traced(step, row) },
            Attempt = row.Attempt,
            Status = row.Status,
            Waited = TimeSpan.FromTicks(Math.Max(0, (turn.Now - row.NotBefore).Ticks)),
            Outputs = state.Steps.Where(s => !s.Outputs.IsEmpty).ToDictionary(s => s.Name, s => (IReadOnlyDictionary<string, string>)s.Outputs, StringComparer.Ordinal),
            Secrets = opened.Values,
            SecretsWithheld = opened.Withheld,
            PinnedDigest = facts.Digest,
            Source = step.Kind == StepKind.Clone ? Source(facts, runEvent, step) : null,
            Grants = Grants(facts.Decision),
            Registries = await RegistriesAsync(turn, facts),
        };
    }

    private static Dictionary<string, PlanValue> Traced(StepPlan step, WorkRow row)
    {
        var environment = step.Environment.ToDictionary(StringComparer.Ordinal);
        environment.TryAdd("TRACEPARENT", new PlanValue.Literal(RunSpans.TraceParent(row.Run, row.Workflow, row.Step, row.Attempt)));
        return environment;
    }

    // A stranger may write a clone step of his own, with any image; such a one clones what everybody may.
    private SourceAccess Source(RunOfWork facts, RunEvent runEvent, StepPlan step)
    {
        var withheld = facts.Decision.Stranger && !step.Implied;
        return new SourceAccess
        {
            Url = facts.CloneUrl,
            Ref = runEvent.Ref,
            Commit = runEvent.Commit,
            User = withheld ? null : facts.User,
            Secret = withheld ? null : repositories.CredentialOf(facts.Repository, facts.Credential),

            // Whoever writes .gitmodules would choose what else of the same host it fetches.
            ForItselfOnly = facts.Decision.Stranger,
        };
    }

    /// <summary>Whether a clone step may have a token of the forge. One that opens more than the repository goes only to the step that nobody wrote.</summary>
    public static bool MayHaveToken(WorkTask.Step step, bool isNarrow) => step.Plan.Implied || (isNarrow && !step.Grants.Stranger);

    // A stranger chooses the images of his run; credentials that open private ones are not for him.
    private async Task<IReadOnlyList<RegistryAccess>> RegistriesAsync(WriteTurn turn, RunOfWork facts) =>
        facts.Decision.SecretsWithheld is null ? await registries.OfAsync(turn.Db, facts.Repository, facts.Name) : [];

    private static Dictionary<string, string> Merge(IEnumerable<IReadOnlyDictionary<string, string>> each) =>
        each.SelectMany(e => e).DistinctBy(e => e.Key).ToDictionary(StringComparer.Ordinal);

    private static WorkGrants Grants(TrustDecision trust) =>
        new() { Privileged = trust.Flags.Privileged, Volumes = trust.Flags.Volumes, Devices = trust.Flags.Devices, Stranger = trust.Stranger };

    private sealed record RunOfWork(int Number, DateTimeOffset CreatedAt, string Trust, Guid Repository, string Name, string CloneUrl, string? User, byte[]? Credential)
    {
        /// <summary>What the step's image was when the run first used it.</summary>
        public string? Digest { get; init; }

        public TrustDecision Decision => JsonSerializer.Deserialize(Trust, StoredJson.Default.TrustDecision)!;
    }
}
