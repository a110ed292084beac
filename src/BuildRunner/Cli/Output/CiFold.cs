using System.Globalization;
using System.Security.Cryptography;
using BuildRunner.Core.Logs;

namespace BuildRunner.Cli.Output;

/// <summary>How a CI's log is told to fold a part of it. A closed hierarchy.</summary>
internal abstract class CiFold
{
    private CiFold()
    {
    }

    /// <summary>That of a CI that can fold.</summary>
    public static CiFold Of(CiKind kind) => kind == CiKind.GitHub ? new GitHub() : new GitLab();

    /// <summary>Opens a part.</summary>
    /// <param name="writer">The log.</param>
    /// <param name="number">The part's number in the run.</param>
    /// <param name="header">What is seen when it is folded.</param>
    /// <param name="folded">Whether it is folded at first.</param>
    /// <param name="since">When what it tells about began.</param>
    public abstract void Open(LineWriter writer, int number, string header, bool folded, DateTimeOffset since);

    /// <summary>Closes it.</summary>
    public abstract void Close(LineWriter writer, int number, bool folded, DateTimeOffset until);

    /// <summary>Until <see cref="Resume"/> nothing that is written is taken for a command.</summary>
    public virtual void Pause(LineWriter writer)
    {
    }

    /// <summary>Commands are taken again.</summary>
    public virtual void Resume(LineWriter writer)
    {
    }

    /// <summary>Says something about a place in the source.</summary>
    public virtual void Annotate(LineWriter writer, LogAnnotation annotation)
    {
    }

    private sealed class GitHub : CiFold
    {
        // What a step writes is no command of ours: between this word and its return GitHub's runner takes none.
        private readonly string pause = "buildrunner-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

        public override void Open(LineWriter writer, int number, string header, bool folded, DateTimeOffset since)
        {
            writer.Add(folded ? "::group::" : "").Add(header).EndLine();
            Pause(writer);
        }

        public override void Close(LineWriter writer, int number, bool folded, DateTimeOffset until)
        {
            Resume(writer);
            if (folded)
            {
                writer.Add("::endgroup::").EndLine();
            }
        }

        public override void Pause(LineWriter writer) => writer.Add("::stop-commands::").Add(pause).EndLine();

        public override void Resume(LineWriter writer) => writer.Add("::").Add(pause).Add("::").EndLine();

        public override void Annotate(LineWriter writer, LogAnnotation annotation) => writer.Add(GitHubCommands.Write(
            annotation.Kind.ToString().ToLowerInvariant(),
            annotation.Message,
            ("file", annotation.File),
            ("line", annotation.Line?.ToString(CultureInfo.InvariantCulture)),
            ("col", annotation.Column?.ToString(CultureInfo.InvariantCulture)),
            ("title", annotation.Title))).EndLine();
    }

    private sealed class GitLab : CiFold
    {
        public override void Open(LineWriter writer, int number, string header, bool folded, DateTimeOffset since) =>
            writer.Add($"section_start:{since.ToUnixTimeSeconds()}:buildrunner_{number}{(folded ? "[collapsed=true]" : "")}\r\e[0K").Add(header).EndLine();

        public override void Close(LineWriter writer, int number, bool folded, DateTimeOffset until) =>
            writer.Add($"section_end:{until.ToUnixTimeSeconds()}:buildrunner_{number}\r\e[0K").EndLine();
    }
}
