namespace BuildRunner.Server.Webhooks;

/// <summary>Whether a delivery comes from who holds the secret. A closed hierarchy.</summary>
internal abstract record SignatureVerdict
{
    private SignatureVerdict()
    {
    }

    /// <summary>It does, and the body is what was signed.</summary>
    /// <param name="Id">The delivery's id, if the signature covers it; null otherwise.</param>
    /// <param name="SentAt">When it was signed, if the signature covers that; null otherwise.</param>
    public sealed record Genuine(string? Id = null, DateTimeOffset? SentAt = null) : SignatureVerdict;

    /// <summary>It cannot be shown. Nothing of the delivery may be stored or used.</summary>
    /// <param name="Fault">What is wrong.</param>
    /// <param name="Message">For whoever set up the sender; holds nothing secret and nothing from the request.</param>
    public sealed record Refused(SignatureFault Fault, string Message) : SignatureVerdict;
}

/// <summary>What is wrong with a delivery's signature.</summary>
internal enum SignatureFault
{
    /// <summary>A header that is needed is not there.</summary>
    Missing,

    /// <summary>A header came more than once.</summary>
    Doubled,

    /// <summary>A header is not of its form.</summary>
    Malformed,

    /// <summary>Signed before, or after, the replay window.</summary>
    OutsideWindow,

    /// <summary>No secret gives this signature for this body.</summary>
    Mismatch,
}
