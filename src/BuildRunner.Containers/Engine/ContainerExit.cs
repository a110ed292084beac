namespace BuildRunner.Containers.Engine;

/// <summary>How a container's command ended. A closed hierarchy: use pattern matching.</summary>
public abstract record ContainerExit
{
    private ContainerExit()
    {
    }

    /// <summary>The exit status as a shell shows it: the code, or 128 plus the signal's number.</summary>
    public abstract int Status { get; }

    /// <summary>The workflow's disk was full while it ran: what the workflow may write, in bytes. Null: it was not, or has no limit.</summary>
    public long? DiskLimitBytes { get; init; }

    /// <summary>It ended by itself.</summary>
    /// <param name="Code">0 to 255.</param>
    public sealed record Exited(int Code) : ContainerExit
    {
        /// <inheritdoc/>
        public override int Status => Code;
    }

    /// <summary>A signal ended it.</summary>
    /// <param name="Signal">The signal's number.</param>
    public sealed record Signaled(int Signal) : ContainerExit
    {
        /// <inheritdoc/>
        public override int Status => 128 + Signal;
    }

    /// <summary>The kernel ended it because its memory limit was reached.</summary>
    /// <param name="LimitBytes">The limit, in bytes; null if it was the host's memory.</param>
    public sealed record OutOfMemory(long? LimitBytes) : ContainerExit
    {
        /// <inheritdoc/>
        public override int Status => 137;
    }
}

/// <summary>The engine could not do what was asked of it. What a command did is never reported this way.</summary>
public sealed class ContainerException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">What kind of failure it is.</param>
    /// <param name="message">What happened, to what, and what to do; for the person who must act.</param>
    /// <param name="isTransient">True if the same call may succeed later without anybody doing anything.</param>
    /// <param name="innerException">The cause.</param>
    public ContainerException(ContainerFailure reason, string message, bool isTransient = false, Exception? innerException = null)
        : base(message, innerException)
    {
        Reason = reason;
        IsTransient = isTransient;
    }

    /// <summary>What kind of failure it is.</summary>
    public ContainerFailure Reason { get; }

    /// <summary>True if the same call may succeed later without anybody doing anything.</summary>
    public bool IsTransient { get; }
}

/// <summary>Kinds of failure of an engine.</summary>
public enum ContainerFailure
{
    /// <summary>The reference does not follow the grammar, or names a transport that the engine does not have.</summary>
    InvalidImage,

    /// <summary>The registry says that there is no such image, or it has none for this platform.</summary>
    ImageNotFound,

    /// <summary>The registry refused the credentials, or wants some.</summary>
    AccessDenied,

    /// <summary>The registry could not be reached, or broke off.</summary>
    RegistryUnavailable,

    /// <summary>What came is not what was promised: digest, size, format, or a forbidden entry.</summary>
    CorruptImage,

    /// <summary>The command does not exist in the image.</summary>
    CommandNotFound,

    /// <summary>The command exists and cannot be executed (permission, format, interpreter).</summary>
    CommandNotExecutable,

    /// <summary>The user, working directory or another part of the specification does not fit the image.</summary>
    InvalidSpec,

    /// <summary>The runtime, a kernel feature or a right that the engine needs is missing.</summary>
    EngineUnavailable,

    /// <summary>No space is left, or a limit of the host was reached.</summary>
    ResourceExhausted,

    /// <summary>A service did not become healthy.</summary>
    Unhealthy,

    /// <summary>The engine lost the container: its shim or the engine's process is gone.</summary>
    Lost,

    /// <summary>Anything else; the message has the runtime's own words.</summary>
    Internal,
}
