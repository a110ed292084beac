using System.Text.Json;
using BuildRunner.Server.Triggers;
using BuildRunner.Server.Triggers.GitHub;

namespace BuildRunner.Cli.Running;

/// <summary><c>--payload FILE</c>: the event as GitHub sends it, read by the code that reads it on a server; for <c>webhook</c> and <c>manual</c>, inputs.</summary>
internal static class PayloadFile
{
    /// <summary>The values of inputs: each member of the object is one, texts as they are and everything else as JSON.</summary>
    /// <exception cref="CliException">The file cannot be read.</exception>
    public static IReadOnlyDictionary<string, string> ReadInputs(string path) => InputFile.ReadJson("--payload", path).EnumerateObject()
        .Where(m => m.Value.ValueKind != JsonValueKind.Null)
        .GroupBy(m => m.Name, StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => g.Last().Value.ValueKind == JsonValueKind.String ? g.Last().Value.GetString()! : g.Last().Value.GetRawText(), StringComparer.Ordinal);

    /// <summary>The event and the facts.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">What <c>--event</c> says; null: as the payload is.</param>
    /// <exception cref="CliException">The file cannot be read, nothing would run for it, or it is another event than was asked for.</exception>
    public static EventFacts Read(string path, string? kind)
    {
        var body = InputFile.ReadJson("--payload", path);
        var name = NameOf(body)
            ?? throw new CliException(ExitCode.Usage, $"--payload {path}: this is no push, pull_request, release or deployment as GitHub sends it; with --event webhook its members are taken as inputs");
        var trigger = GitHubEvents.Read(name, body, new GitHubIdentity(null)).Trigger;
        if (trigger is not Trigger.StartRun(var request))
        {
            throw new CliException(ExitCode.Usage, $"--payload {path}: no run starts from this event: {(trigger as Trigger.Nothing)?.Why ?? "it asks for something else"}");
        }

        return kind is null || kind == request.Event.Kind
            ? new EventFacts(request.Event, request.Facts)
            : throw new CliException(ExitCode.Usage, $"--payload {path}: the payload is a {request.Event.Kind}, and --event says {kind}");
    }

    // GitHub tells it in a header, which a file does not have; each kind has a member that no other has.
    private static string? NameOf(JsonElement body)
    {
        bool Has(string member) => body.TryGetProperty(member, out var value) && value.ValueKind != JsonValueKind.Null;
        return Has("pull_request") ? "pull_request"
            : Has("release") ? "release"
            : Has("deployment") ? "deployment"
            : Has("ref") && Has("after") ? "push"
            : null;
    }
}
