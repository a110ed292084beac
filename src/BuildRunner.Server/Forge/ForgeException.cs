namespace BuildRunner.Server.Forge;

/// <summary>The forge did not do what was asked.</summary>
internal sealed class ForgeException : Exception
{
    public ForgeException(ForgeFault fault, string message, Exception? inner = null, DateTimeOffset? retryAt = null)
        : base(message, inner)
    {
        Fault = fault;
        RetryAt = retryAt;
    }

    /// <summary>What to branch on.</summary>
    public ForgeFault Fault { get; }

    /// <summary>When trying again makes sense; null: whenever.</summary>
    public DateTimeOffset? RetryAt { get; }

    /// <summary>Whether trying again can help.</summary>
    public bool IsTransient => Fault is ForgeFault.Unavailable or ForgeFault.Limited;
}

/// <summary>What went wrong at the forge.</summary>
internal enum ForgeFault
{
    /// <summary>A setting is missing.</summary>
    NotConfigured,

    /// <summary>No answer, or none that tells anything.</summary>
    Unavailable,

    /// <summary>Too many requests.</summary>
    Limited,

    /// <summary>The credential does not count.</summary>
    Unauthorized,

    /// <summary>It does not permit this.</summary>
    Forbidden,

    /// <summary>There is no such thing, or it is shown to others only.</summary>
    NotFound,

    /// <summary>The forge does not take what was sent.</summary>
    Refused,

    /// <summary>What the forge sent is larger than BuildRunner takes.</summary>
    TooLarge,
}
