using System.Globalization;
using System.Text.Json;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary><c>--metadata FILE</c>: the facts of a run as Woodpecker's metadata file has them, which its run page and ours offer for download.</summary>
/// <remarks>Names that are not known are passed over: each version of Woodpecker has a few more.</remarks>
internal static class MetadataFile
{
    /// <summary>The event and the facts.</summary>
    /// <exception cref="CliException">Something in it has another type than it must have.</exception>
    public static EventFacts Read(string path)
    {
        var root = new Node(InputFile.ReadJson("--metadata", path), path, "");
        var (repository, current) = (root.Child("repo"), root.Child("curr"));
        if (current.IsMissing)
        {
            throw new CliException(ExitCode.Usage, $"--metadata {path}: there is no 'curr'; this is not a metadata file");
        }

        var runEvent = EventOf(current, repository);
        var previous = root.Child("prev");
        return new EventFacts(runEvent, new RunFacts
        {
            Repository = RepositoryOf(repository),
            Commit = CommitOf(current.Child("commit"), runEvent),
            Pipeline = PipelineOf(current),
            Previous = previous.IsMissing || previous.Text("event") is not { Length: > 0 } ? null : PreviousOf(previous, repository),
            System = SystemOf(root.Child("sys"), root.Child("forge")),
        });
    }

    private static RunEvent EventOf(Node pipeline, Node repository)
    {
        var commit = pipeline.Child("commit");
        var name = $"{repository.Text("owner")}/{repository.Text("name")}";
        return new RunEvent
        {
            Kind = pipeline.Text("event") is { Length: > 0 } kind ? kind : "push",
            Branch = commit.Text("branch") ?? "",
            Ref = commit.Text("ref") ?? "",
            Commit = commit.Text("sha") ?? "",
            Repository = name == "/" ? "" : name,
            DefaultBranch = repository.Text("default_branch") is { Length: > 0 } branch ? branch : "main",
            ChangedFiles = commit.Texts("changed_files"),
            Cron = pipeline.Text("cron") is { Length: > 0 } cron ? cron : null,
        };
    }

    private static RepositoryFacts RepositoryOf(Node repository)
    {
        var trusted = repository.Child("trusted");
        return new()
        {
            RemoteId = repository.Text("remote_id"),
            Url = repository.Text("forge_url"),
            CloneUrl = repository.Text("clone_url"),
            CloneSshUrl = repository.Text("clone_url_ssh"),
            Private = repository.Flag("private"),
            TrustedNetwork = trusted.Flag("network") ?? false,
            TrustedVolumes = trusted.Flag("volumes") ?? false,
            TrustedSecurity = trusted.Flag("security") ?? false,
        };
    }

    private static CommitFacts CommitOf(Node commit, RunEvent runEvent) => new()
    {
        Refspec = commit.Text("refspec"),
        Message = commit.Text("message"),
        Timestamp = commit.Number("timestamp"),
        Author = commit.Child("author").Text("name"),
        AuthorEmail = commit.Child("author").Text("email"),
        PullRequestLabels = commit.Texts("labels") ?? [],
        PullRequestMilestone = commit.Text("milestone"),
        TargetBranch = runEvent.Kind.StartsWith("pull_request", StringComparison.Ordinal) ? runEvent.Branch : null,
    };

    private static PipelineFacts PipelineOf(Node pipeline) => new()
    {
        Number = pipeline.Number("number"),
        Parent = pipeline.Number("parent") is > 0 and var parent ? parent : null,
        EventReason = pipeline.Text("event_reason"),
        ForgeUrl = pipeline.Text("forge_url"),
        DeployTarget = pipeline.Text("target"),
        DeployTask = pipeline.Text("task"),
        ReleaseTitle = pipeline.Text("release_title"),
        ReleasePre = pipeline.Child("commit").Flag("is_prerelease") ?? false,
        Created = pipeline.Number("created"),
        Started = pipeline.Number("started"),
        Author = pipeline.Text("author"),
        Avatar = pipeline.Text("author_avatar"),
    };

    private static PreviousFacts PreviousOf(Node pipeline, Node repository)
    {
        var runEvent = EventOf(pipeline, repository);
        return new()
        {
            Event = runEvent,
            Commit = CommitOf(pipeline.Child("commit"), runEvent),
            Pipeline = PipelineOf(pipeline),
            Status = pipeline.Text("status"),
            Finished = pipeline.Number("finished"),
        };
    }

    private static SystemFacts SystemOf(Node system, Node forge) => new()
    {
        Name = system.Text("name") is { Length: > 0 } name ? name : "buildrunner",
        Url = system.Text("url"),
        Host = system.Text("host"),
        Platform = system.Text("arch") ?? system.Text("platform"),
        Version = system.Text("version"),
        ForgeType = forge.Text("type"),
        ForgeUrl = forge.Text("url"),
    };

    /// <summary>A value somewhere in the file; what is not there reads as null.</summary>
    private readonly record struct Node(JsonElement? Value, string File, string Path)
    {
        public bool IsMissing => Value is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) };

        public Node Child(string name) => new(
            IsMissing ? null
            : Value!.Value.ValueKind != JsonValueKind.Object ? throw Wrong("an object")
            : Value.Value.TryGetProperty(name, out var found) ? found : null,
            File,
            Path.Length == 0 ? name : $"{Path}.{name}");

        public string? Text(string name) => Child(name) is { IsMissing: false } child
            ? child.Value!.Value.ValueKind switch
            {
                JsonValueKind.String => child.Value.Value.GetString(),
                JsonValueKind.Number => child.Value.Value.GetRawText(),
                _ => throw child.Wrong("a text"),
            }
            : null;

        public long? Number(string name) => Child(name) is { IsMissing: false } child
            ? long.TryParse(child.Value!.Value.ToString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : throw child.Wrong("a number")
            : null;

        public bool? Flag(string name) => Child(name) is { IsMissing: false } child
            ? child.Value!.Value.ValueKind is JsonValueKind.True or JsonValueKind.False ? child.Value.Value.GetBoolean() : throw child.Wrong("true or false")
            : null;

        public IReadOnlyList<string>? Texts(string name)
        {
            if (Child(name) is not { IsMissing: false } child)
            {
                return null;
            }

            return child.Value!.Value.ValueKind == JsonValueKind.Array && child.Value.Value.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
                ? [.. child.Value.Value.EnumerateArray().Select(e => e.GetString()!)]
                : throw child.Wrong("a list of texts");
        }

        private CliException Wrong(string expected) => new(ExitCode.Usage, $"--metadata {File}: '{Path}' must be {expected}");
    }
}

/// <summary>What a run is for, and what steps are told besides.</summary>
/// <param name="Event">The event; its variables are not made yet.</param>
/// <param name="Facts">The rest.</param>
internal sealed record EventFacts(RunEvent Event, RunFacts Facts);
