using BuildRunner.Core.Planning;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>What steps are told of an event at GitHub, as far as all events tell it in the same way.</summary>
internal static class Facts
{
    private const int MaxTitle = 200;

    /// <summary>Makes the facts.</summary>
    /// <param name="payload">The event.</param>
    /// <param name="commit">What is known of the commit.</param>
    /// <param name="page">The page of the cause at the forge.</param>
    public static RunFacts Of(Payload payload, CommitFacts commit, string? page) => new()
    {
        Repository = new()
        {
            RemoteId = payload.Raw("repository.id"),
            Url = payload.OptionalName("repository.html_url"),
            CloneUrl = payload.OptionalName("repository.clone_url"),
            CloneSshUrl = payload.OptionalName("repository.ssh_url"),
            Private = payload.Flag("repository.private"),
        },
        Commit = commit,
        Pipeline = new()
        {
            ForgeUrl = page,
            Author = payload.OptionalName("sender.login"),
            Avatar = payload.OptionalName("sender.avatar_url"),
        },
        System = new() { ForgeType = "github" },
    };

    /// <summary>The first line of a text, cut to what fits in a list.</summary>
    public static string FirstLine(string text)
    {
        var line = text.AsSpan().TrimStart();
        line = line[..(line.IndexOfAny('\r', '\n') is >= 0 and var end ? end : line.Length)].TrimEnd();
        if (line.Length <= MaxTitle)
            return line.ToString();
        var cut = char.IsHighSurrogate(line[MaxTitle - 1]) ? MaxTitle - 1 : MaxTitle;
        return $"{line[..cut]}…";
    }
}
