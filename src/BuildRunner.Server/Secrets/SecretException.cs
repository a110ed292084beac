namespace BuildRunner.Server.Secrets;

/// <summary>A secret cannot be sealed or opened.</summary>
public sealed class SecretException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="fault">What to branch on.</param>
    /// <param name="message">For an administrator; never holds a value or a key.</param>
    /// <param name="inner">What caused it.</param>
    public SecretException(SecretFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>What is wrong.</summary>
    public SecretFault Fault { get; }

    /// <summary>Trying again does not help: an administrator has to act.</summary>
    public static bool IsTransient => false;
}

/// <summary>What is wrong with a secret.</summary>
public enum SecretFault
{
    /// <summary>The master key cannot be had.</summary>
    Key,

    /// <summary>It was sealed with a key that is neither the current nor a previous one.</summary>
    UnknownKey,

    /// <summary>It was changed, or belongs to another secret.</summary>
    Damaged,
}
