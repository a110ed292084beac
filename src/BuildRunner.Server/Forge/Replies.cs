namespace BuildRunner.Server.Forge;

/// <summary>What is read of GitHub's answer about a tree.</summary>
public sealed class TreeReply
{
    /// <summary>What is in it.</summary>
    public IReadOnlyList<TreeEntryReply>? Tree { get; set; }
}

/// <summary>An entry of a tree.</summary>
public sealed class TreeEntryReply
{
    /// <summary>Its name.</summary>
    public string? Path { get; set; }

    /// <summary>As in git: <c>100644</c>, <c>120000</c> for a link.</summary>
    public string? Mode { get; set; }

    /// <summary><c>blob</c>, <c>tree</c>, <c>commit</c>.</summary>
    public string? Type { get; set; }

    /// <summary>Its id.</summary>
    public string? Sha { get; set; }

    /// <summary>Bytes.</summary>
    public long Size { get; set; }
}

/// <summary>A file's content.</summary>
public sealed class BlobReply
{
    /// <summary>In the encoding below.</summary>
    public string? Content { get; set; }

    /// <summary><c>base64</c> or <c>utf-8</c>.</summary>
    public string? Encoding { get; set; }
}

/// <summary>A comparison.</summary>
public sealed class CompareReply
{
    /// <summary>The files that differ.</summary>
    public IReadOnlyList<CompareFileReply>? Files { get; set; }

    /// <summary>What the second commit is to the first: <c>ahead</c>, <c>behind</c>, <c>identical</c> or <c>diverged</c>.</summary>
    public string? Status { get; set; }
}

/// <summary>A file that differs.</summary>
public sealed class CompareFileReply
{
    /// <summary>Its path.</summary>
    public string? Filename { get; set; }

    /// <summary>Its path before it was renamed.</summary>
    public string? PreviousFilename { get; set; }
}

/// <summary>A commit.</summary>
public sealed class CommitReply
{
    /// <summary>Its id.</summary>
    public string? Sha { get; set; }
}

/// <summary>What a person may do.</summary>
public sealed class PermissionReply
{
    /// <summary><c>admin</c>, <c>write</c>, <c>read</c>, <c>none</c>.</summary>
    public string? Permission { get; set; }

    /// <summary>Who it is about.</summary>
    public PermissionUserReply? User { get; set; }
}

/// <summary>A person.</summary>
public sealed class PermissionUserReply
{
    /// <summary>The number.</summary>
    public long Id { get; set; }
}

/// <summary>A repository.</summary>
public sealed class RepositoryReply
{
    /// <summary>Its number.</summary>
    public long Id { get; set; }

    /// <summary><c>owner/name</c>.</summary>
    public string? FullName { get; set; }

    /// <summary>The default branch.</summary>
    public string? DefaultBranch { get; set; }

    /// <summary>Whether only some may see it.</summary>
    public bool Private { get; set; }

    /// <summary>Whose it is.</summary>
    public PermissionUserReply? Owner { get; set; }
}

/// <summary>An installation of the app.</summary>
public sealed class InstallationReply
{
    /// <summary>Its number.</summary>
    public long Id { get; set; }
}

/// <summary>A ref.</summary>
public sealed class RefReply
{
    /// <summary>Its full name.</summary>
    public string? Ref { get; set; }

    /// <summary>What it is at.</summary>
    public RefObjectReply? Object { get; set; }
}

/// <summary>What a ref is at.</summary>
public sealed class RefObjectReply
{
    /// <summary>Its id.</summary>
    public string? Sha { get; set; }
}

/// <summary>A pull request.</summary>
public sealed class PullReply
{
    /// <summary>Its number.</summary>
    public int Number { get; set; }

    /// <summary>Its title.</summary>
    public string? Title { get; set; }

    /// <summary>Its page.</summary>
    public string? HtmlUrl { get; set; }

    /// <summary>Whether it is a draft.</summary>
    public bool Draft { get; set; }

    /// <summary>What its author is to the repository.</summary>
    public string? AuthorAssociation { get; set; }

    /// <summary>When it changed last.</summary>
    public string? UpdatedAt { get; set; }

    /// <summary>Who opened it.</summary>
    public PersonReply? User { get; set; }

    /// <summary>Where its commits are.</summary>
    public PullSideReply? Head { get; set; }

    /// <summary>What it wants to change.</summary>
    public PullSideReply? Base { get; set; }
}

/// <summary>One side of a pull request.</summary>
public sealed class PullSideReply
{
    /// <summary>The branch.</summary>
    public string? Ref { get; set; }

    /// <summary>The commit.</summary>
    public string? Sha { get; set; }

    /// <summary>The repository; null: it was deleted.</summary>
    public RepositoryReply? Repo { get; set; }
}

/// <summary>A person.</summary>
public sealed class PersonReply
{
    /// <summary>The number.</summary>
    public long Id { get; set; }

    /// <summary>The name.</summary>
    public string? Login { get; set; }
}

/// <summary>A commit as git has it.</summary>
public sealed class GitCommitReply
{
    /// <summary>Its message.</summary>
    public string? Message { get; set; }
}
