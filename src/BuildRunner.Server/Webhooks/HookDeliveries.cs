using BuildRunner.Server.Runs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Webhooks;

/// <summary>Makes runs of deliveries to endpoints of one's own: filters, inputs, then a run of the endpoint's branch with the event <c>webhook</c>.</summary>
internal sealed class HookDeliveries(Database database, Hooks hooks, RunStarter starter) : IDeliveryHandler
{
    private const string Prefix = "hook/";

    /// <summary>The source of an endpoint's deliveries.</summary>
    public static string SourceOf(string hook) => Prefix + hook;

    public bool Takes(string source) => source.StartsWith(Prefix, StringComparison.Ordinal);

    public async Task<DeliveryEnd> HandleAsync(InboxRow row, CancellationToken cancellationToken)
    {
        var name = row.Source[Prefix.Length..];
        if (await hooks.FindAsync(name, cancellationToken) is not { } hook)
        {
            return new DeliveryEnd.Failed($"the endpoint {name} was removed");
        }

        if (!JsonText.TryParse(row.Body, out var document, out var problem))
        {
            return new DeliveryEnd.Done($"no run: {problem}", null, hook.Repository);
        }

        using (document)
        {
            var settings = Hooks.SettingsOf(hook);
            var rules = HookRules.Read(settings, out _);
            if (DeliveryFilter.WhyNot(rules.Filters, document.RootElement) is { } why)
            {
                return new DeliveryEnd.Done($"no run: {why}", null, hook.Repository);
            }

            var inputs = InputMapping.Apply(rules.Inputs, document.RootElement);
            return inputs.Problems.Count > 0
                ? new DeliveryEnd.Done($"no run: {string.Join("; ", inputs.Problems)}", null, hook.Repository)
                : await StartAsync(row, hook, settings.Branch, inputs.Values, cancellationToken);
        }
    }

    private async Task<DeliveryEnd> StartAsync(InboxRow row, HookRow hook, string? branch, IReadOnlyDictionary<string, string> inputs, CancellationToken cancellationToken)
    {
        var repository = await database.ReadAsync(db => db.Repositories.SingleAsync(r => r.Id == hook.Repository, cancellationToken), cancellationToken);
        try
        {
            var run = await starter.StartAsync(
                repository,
                new WantedRun
                {
                    Point = new SourcePoint.Branch(branch),
                    Event = "webhook",
                    Author = $"webhook {hook.Name}",
                    Inputs = inputs,
                    Delivery = (row.Source, row.Delivery),
                },
                cancellationToken);
            return new DeliveryEnd.Done(run.Created ? $"started run #{run.Number}" : "its run was started before", run.Id, repository.Id);
        }
        catch (SourceException source)
        {
            // The repository may be reachable again in a while.
            return new DeliveryEnd.Later(source.Message);
        }
    }
}
