using System.Runtime.InteropServices;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>The event of a local run: what was asked for, what a file says of it, and what git knows. In this order the first that knows a fact says it.</summary>
internal static class LocalEvent
{
    /// <exception cref="CliException">A file cannot be read, or says something else than was asked for.</exception>
    public static RunEvent Of(RunRequest request, GitHead? head, string tree, TimeProvider time)
    {
        var given = FromFile(request);
        var kind = request.Event ?? given?.Event.Kind ?? "push";
        var branch = FirstOf(request.Branch, given?.Event.Branch, head?.Branch, head?.DefaultBranch, "main");
        var remote = GitRemote.Of(head?.Remote);
        var runEvent = new RunEvent
        {
            Kind = kind,
            Branch = branch,
            Ref = FirstOf(request.Branch is null ? given?.Event.Ref : null, RefOf(kind, branch)),
            Commit = FirstOf(given?.Event.Commit, head?.Commit, ""),
            Repository = FirstOf(given?.Event.Repository, remote?.Repository, $"local/{Path.GetFileName(tree.TrimEnd('/'))}"),
            DefaultBranch = given?.Event.DefaultBranch ?? head?.DefaultBranch ?? "main",
            ChangedFiles = given?.Event.ChangedFiles,
            Cron = given?.Event.Cron ?? (kind == "cron" ? "local" : null),
            Inputs = InputsOf(request, kind),
        };
        return runEvent with { Variables = CiVariables.ForRun(runEvent, Complete(given?.Facts ?? FactsOf(head, remote), time)) };
    }

    /// <summary><c>push main 3f9c2e1</c>.</summary>
    public static string Describe(RunEvent runEvent) =>
        string.Join(' ', new[] { runEvent.Kind, runEvent.Branch, runEvent.Commit[..Math.Min(7, runEvent.Commit.Length)] }.Where(p => p.Length > 0));

    private static EventFacts? FromFile(RunRequest request)
    {
        if (request.Metadata is { } metadata)
        {
            var facts = MetadataFile.Read(metadata);
            return request.Event is null || request.Event == facts.Event.Kind
                ? facts
                : throw new CliException(ExitCode.Usage, $"--metadata {metadata}: it is about a {facts.Event.Kind}, and --event says {request.Event}");
        }

        return request.Payload is { } payload && request.Event is not ("webhook" or "manual") ? PayloadFile.Read(payload, request.Event) : null;
    }

    private static Dictionary<string, string> InputsOf(RunRequest request, string kind)
    {
        var inputs = request.Payload is { } payload && kind is "webhook" or "manual"
            ? new Dictionary<string, string>(PayloadFile.ReadInputs(payload), StringComparer.Ordinal)
            : new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in request.Inputs)
        {
            inputs[name] = value;
        }

        return inputs;
    }

    private static string FirstOf(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            if (!string.IsNullOrEmpty(text))
            {
                return text;
            }
        }

        return "";
    }

    private static string RefOf(string kind, string branch) => kind switch
    {
        "tag" or "release" => $"refs/tags/{branch}",
        "pull_request" or "pull_request_closed" => "refs/pull/1/head",
        _ => $"refs/heads/{branch}",
    };

    private static RunFacts FactsOf(GitHead? head, GitRemote? remote) => new()
    {
        Repository = new RepositoryFacts { Url = remote?.Url, CloneUrl = remote?.CloneUrl, CloneSshUrl = remote?.CloneSshUrl },
        Commit = new CommitFacts { Message = head?.Message, Author = head?.Author, AuthorEmail = head?.Email, Timestamp = head?.Timestamp },
        Pipeline = new PipelineFacts { Author = head?.Author },
    };

    /// <summary>What only this machine knows, and what a file need not say.</summary>
    private static RunFacts Complete(RunFacts facts, TimeProvider time)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        return facts with
        {
            Pipeline = facts.Pipeline with { Number = facts.Pipeline.Number ?? 1, Created = facts.Pipeline.Created ?? now, Started = now },
            System = facts.System with
            {
                Platform = $"linux/{Architecture}",
                Host = FirstOf(facts.System.Host, Environment.MachineName),
                Version = FirstOf(facts.System.Version, ProductVersion.Text),
            },
        };
    }

    // As Go names it, because image platforms do.
    private static string Architecture => RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };
}
