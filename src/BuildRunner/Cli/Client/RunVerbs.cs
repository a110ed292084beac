using System.ComponentModel;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary>Verbs that look at runs: <c>ls</c>, <c>show</c>, <c>open</c>.</summary>
internal static class RunVerbs
{
    private const int MostLines = 12;

    public static IEnumerable<Command> Create(ClientScope scope)
    {
        yield return List(scope);
        yield return Show(scope);
        yield return Open(scope);
    }

    private static Command List(ClientScope scope)
    {
        var (repository, json) = (ClientScope.Repository(), ClientScope.Json());
        var branch = new Option<string?>("--branch") { Description = "only of this branch", HelpName = "NAME" };
        var state = new Option<string?>("--state") { Description = "only in this state: " + string.Join(", ", RunStates.Open.Concat(RunStates.Ended)), HelpName = "STATE" };
        state.AcceptOnlyFromAmong([.. RunStates.Open.Concat(RunStates.Ended)]);
        var limit = new Option<int>("--limit") { Description = "at most so many", HelpName = "N", DefaultValueFactory = _ => 30 }.Between(1, 10_000);
        return scope.Verb("ls", "list runs, newest first", async call =>
        {
            var named = call.RepositoryOf(repository);
            var runs = await RunsAsync(call, named, call.Get(branch), call.Get(state), call.Get(limit));
            if (runs.Count == 0 && named is not null)
            {
                await RunAddress.RequireAsync(call.Api, named, call.Stop);
            }

            return call.Print<IReadOnlyList<RunSummary>>(json, runs, new RunText(call.Style, call.Now).List);
        }, repository, branch, state, limit, json);
    }

    private static async Task<List<RunSummary>> RunsAsync(ClientCall call, string? repository, string? branch, string? state, int limit)
    {
        var runs = new List<RunSummary>();
        string? before = null;
        do
        {
            var path = ClientQuery.Path(ApiRoutes.Runs, ("repo", repository), ("branch", branch), ("state", state), ("before", before),
                ("limit", Math.Min(200, limit - runs.Count).ToString(CultureInfo.InvariantCulture)));
            var page = await call.Api.GetAsync(path, ApiJson.Default.RunPage, call.Stop);
            runs.AddRange(page.Items);
            before = page.Items.Count == 0 ? null : page.Next;
        }
        while (before is not null && runs.Count < limit);
        return runs;
    }

    private static Command Show(ClientScope scope)
    {
        var (run, repository, json) = (ClientScope.Run(), ClientScope.Repository(), ClientScope.Json());
        return scope.Verb("show", "a run: its steps, and the last lines of those that failed", async call =>
        {
            var details = await call.DetailsAsync(await call.RunAsync(run, repository));
            var tails = call.Get(json) ? [] : await TailsAsync(call, details);
            return call.Print(json, details, d => new RunText(call.Style, call.Now).Show(d, tails));
        }, run, repository, json);
    }

    private static async Task<Dictionary<(string Workflow, string Step), IReadOnlyList<string>>> TailsAsync(ClientCall call, RunDetails details)
    {
        var tails = new Dictionary<(string, string), IReadOnlyList<string>>();
        foreach (var (workflow, step) in RunText.Broken(details).Where(s => s.Step.Attempts.Count > 0))
        {
            var lines = new List<string>();
            await foreach (var line in new RunLogs(call.Api).LinesAsync(new StepLog(details.Run, workflow.Name, step.Name, Try: null), MostLines, call.Stop))
            {
                lines.Add(Output.CellText.Plain(RunLogs.Bytes(line)));
            }

            tails[(workflow.Name, step.Name)] = lines;
        }

        return tails;
    }

    private static Command Open(ClientScope scope)
    {
        var (run, repository) = (ClientScope.Run(), ClientScope.Repository());
        return scope.Verb("open", "a run's page, in the browser; its address is printed", async call =>
        {
            var (name, number) = await call.RunAsync(run, repository);
            var url = (await call.DetailsAsync((name, number))).Run.Url;
            call.Host.Print(url + "\n");
            if (call.Host.Terminal.OutputIsTerminal && Uri.TryCreate(url, UriKind.Absolute, out var page) && page.Scheme is ("http" or "https"))
            {
                Browse(call.Host, url);
            }

            return ExitCode.Success;
        }, run, repository);
    }

    // The address was printed: where no browser can be started a person still has it.
    private static void Browse(CliHost host, string url)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("xdg-open", [url]) { RedirectStandardError = true, RedirectStandardOutput = true });
        }
        catch (Win32Exception)
        {
            host.Say("no browser could be started here (xdg-open is missing)\n");
        }
    }
}

/// <summary>Paths with a query.</summary>
internal static class ClientQuery
{
    /// <summary>The path; what is null is left out.</summary>
    public static string Path(string path, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var parts = new List<string>();
        foreach (var (name, value) in query)
        {
            if (value is not null)
            {
                parts.Add($"{name}={Uri.EscapeDataString(value)}");
            }
        }

        return parts.Count == 0 ? path : $"{path}?{string.Join('&', parts)}";
    }
}
