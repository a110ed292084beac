using System.Security.Cryptography;
using System.Text;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Api;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>Starts a run by hand: of which branch, tag or commit, and with which inputs, which are those that the pipeline there asks for.</summary>
public sealed class StartPage : SitePage
{
    private const string Prefix = "input.";
    private const int MostBranches = 500;

    /// <summary><c>owner/name</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The branch that is meant if none is named.</summary>
    public string DefaultBranch { get; private set; } = "";

    /// <summary>Branches to choose from.</summary>
    public IReadOnlyList<string> Branches { get; private set; } = [];

    /// <summary>The branch, as typed.</summary>
    public string? Branch { get; private set; }

    /// <summary>The tag, as typed.</summary>
    public string? Tag { get; private set; }

    /// <summary>The commit, as typed.</summary>
    public string? Commit { get; private set; }

    /// <summary>Why nothing was started; null: nothing is wrong.</summary>
    public string? Said { get; private set; }

    /// <summary>Told with the form: whoever presses twice starts one run.</summary>
    public string Once { get; private set; } = "";

    /// <summary>Of what the inputs are; null: there is no such thing.</summary>
    internal StartPoint? Point { get; private set; }

    /// <summary>What is asked for.</summary>
    internal IReadOnlyList<StartField> Fields { get; private set; } = [];

    /// <summary>The address of an action.</summary>
    public string Action(string what) => $"{Repository(Name)}/start?handler={what}";

    /// <summary>Answers the page; a link may name the branch, the tag or the commit.</summary>
    public Task<IActionResult> OnGetAsync(string owner, string name, string? branch, string? tag, string? commit) => AnswerAsync(owner, name, branch, tag, commit, start: false);

    /// <summary>Shows what the pipeline at another point asks for; what was typed stays.</summary>
    public Task<IActionResult> OnPostLookAsync(string owner, string name, [FromForm] string? branch, [FromForm] string? tag, [FromForm] string? commit) => AnswerAsync(owner, name, branch, tag, commit, start: false);

    /// <summary>Starts the run, and leads to it.</summary>
    public Task<IActionResult> OnPostStartAsync(string owner, string name, [FromForm] string? branch, [FromForm] string? tag, [FromForm] string? commit) => AnswerAsync(owner, name, branch, tag, commit, start: true);

    private async Task<IActionResult> AnswerAsync(string owner, string name, string? branch, string? tag, string? commit, bool start)
    {
        if (!MayRun)
        {
            return Forbid();
        }

        var services = HttpContext.RequestServices;
        if (await RepositoryAsync(owner, name) is not { } repository)
        {
            return NotFound();
        }

        (Name, DefaultBranch, Title) = (repository.Name, repository.DefaultBranch, $"Start a run · {repository.Name} · BuildRunner");
        (Branch, Tag, Commit) = (Given(branch), Given(tag), Given(commit)?.ToLowerInvariant());
        Once = Typed("once") ?? Guid.NewGuid().ToString("N");
        try
        {
            var call = new ApiCall(HttpContext);
            var wanted = WantedRuns.Of(call, new StartRun { Branch = Branch, Tag = Tag, Commit = Commit, Inputs = Inputs() });
            Point = await services.GetRequiredService<StartTargets>().LookAsync(repository, wanted.Point, Gone);
            Fields = [.. Point.Inputs.Select((input, at) => StartField.Of(input, at, Prefix, wanted.Inputs.GetValueOrDefault(input.Name), judge: start))];
            Said = start ? WhyNot(wanted) : null;
            if (start && Said is null)
            {
                return Redirect(await StartAsync(repository, wanted with { Delivery = WantedRuns.DeliveryOf(call, "page", KeyOf(wanted)) }));
            }
        }
        catch (Exception problem) when (problem is ApiException or SourceException)
        {
            Said = problem.Message;
        }

        Branches = [.. (await services.GetRequiredService<StartTargets>().BranchesAsync(repository, Gone)).Take(MostBranches)];
        return Page();
    }

    // Where the page showed the inputs of another point, or of an earlier commit, what was typed for them must not be lost.
    private string? WhyNot(WantedRun wanted) => wanted.Inputs.Keys.Where(name => Point!.Inputs.All(input => input.Name != name)).ToList() is { Count: > 0 } unknown
        ? $"Not started: the pipeline there has no input {string.Join(", ", unknown)}. These are the ones that it has."
        : Fields.Any(field => field.Problem is not null) ? "Not started: some inputs are not right yet." : null;

    private async Task<string> StartAsync(RepositoryRow repository, WantedRun wanted)
    {
        var services = HttpContext.RequestServices;
        var stored = await services.GetRequiredService<RunStarter>().StartAsync(repository, wanted, Gone);
        services.GetRequiredService<QueueView>().Forget();
        return Run((await services.GetRequiredService<RunViews>().StartedAsync(stored.Id, Gone))!);
    }

    // Whoever goes back and asks for something else gets another run.
    private string KeyOf(WantedRun wanted) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join("\0", (string?[])[Once, Branch, Tag, Commit, .. wanted.Inputs.OrderBy(i => i.Key, StringComparer.Ordinal).SelectMany(i => (string?[])[i.Key, i.Value])]))));

    // A field that is left empty is one that was not answered.
    private Dictionary<string, string> Inputs() => !HttpContext.Request.HasFormContentType ? [] : HttpContext.Request.Form
        .Where(field => field.Key.StartsWith(Prefix, StringComparison.Ordinal) && !string.IsNullOrEmpty(field.Value))
        .ToDictionary(field => field.Key[Prefix.Length..], field => field.Value.ToString(), StringComparer.Ordinal);

    private string? Typed(string name) => HttpContext.Request.HasFormContentType ? Given(HttpContext.Request.Form[name]) : null;

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}

/// <summary>An input, as it is asked for.</summary>
/// <param name="Input">The input.</param>
/// <param name="Id">Its element.</param>
/// <param name="FormName">Its name in the form.</param>
/// <param name="Value">What was typed.</param>
/// <param name="Problem">What is wrong with it; null: nothing.</param>
internal sealed record StartField(PipelineInput Input, string Id, string FormName, string? Value, string? Problem)
{
    /// <summary>What there is to choose from; null: anything may be typed.</summary>
    public IReadOnlyList<string>? Choices => Input.Type switch { "choice" => Input.Options, "boolean" => ["true", "false"], _ => null };

    /// <summary>What an empty field means.</summary>
    public string Unset => Input.Default is { } value ? $"default: {value}" : Input.IsAsked ? "" : "not set";

    /// <summary>The field of an input.</summary>
    public static StartField Of(PipelineInput input, int at, string prefix, string? value, bool judge) =>
        new(input, $"input-{at}", prefix + input.Name, value, judge ? input.WhyNot(value) : null);
}
