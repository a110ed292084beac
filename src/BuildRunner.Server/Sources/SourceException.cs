namespace BuildRunner.Server.Sources;

/// <summary>A repository could not be read. The message is for the person who must act, and holds no credential.</summary>
public sealed class SourceException(SourceFault fault, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What is wrong.</summary>
    public SourceFault Fault { get; } = fault;

    /// <summary>Whether the same call may succeed later without anybody changing anything.</summary>
    public bool IsTransient => Fault is SourceFault.Unreachable or SourceFault.TimedOut;
}

/// <summary>Why a repository could not be read.</summary>
public enum SourceFault
{
    /// <summary>Its host does not answer, or answers nonsense.</summary>
    Unreachable,

    /// <summary>There is no such repository, or the credential may not read it: hosts do not tell which.</summary>
    NotReadable,

    /// <summary>It has no such branch, tag, pull request or commit.</summary>
    NoSuchRef,

    /// <summary>It took too long.</summary>
    TimedOut,

    /// <summary>It is larger than the server takes.</summary>
    TooLarge,

    /// <summary>This machine cannot: git is missing, or the disk is full.</summary>
    Here,
}
