namespace BuildRunner.Server.Secrets;

/// <summary>A secret as it is stored: sealed.</summary>
/// <param name="Level">For whom.</param>
/// <param name="Name">Its name, compared without regard to case.</param>
/// <param name="Sealed">What <see cref="KeyRing.Seal"/> made.</param>
/// <param name="Rules">Who gets it.</param>
public sealed record StoredSecret(SecretLevel Level, string Name, ReadOnlyMemory<byte> Sealed, SecretRules Rules)
{
    /// <summary>Its row.</summary>
    public Guid Id { get; init; }
}

/// <summary>Who asks for secrets: one step of one run.</summary>
public sealed record SecretAudience
{
    /// <summary>The repository, as OWNER/NAME, for what is said; null: it is not named.</summary>
    public string? Repository { get; init; }

    /// <summary>The event's kind, as in <c>when.event</c>.</summary>
    public required string Event { get; init; }

    /// <summary>The branch; for a pull request its target.</summary>
    public required string Branch { get; init; }

    /// <summary>Why this run gets no secret at all, as a sentence; null if it may get some.</summary>
    public string? Withheld { get; init; }

    /// <summary>The step's image, as the plan has it.</summary>
    public required string Image { get; init; }

    /// <summary>True if the step runs the image as it is: no commands, entry point, environment or health check of its own.</summary>
    public required bool RunsImageAsItIs { get; init; }
}

/// <summary>What a step gets.</summary>
/// <param name="Granted">By the name that was asked for.</param>
/// <param name="Refused">By the name that was asked for: why not, a sentence that names the setting.</param>
public sealed record SecretGrants(IReadOnlyDictionary<string, StoredSecret> Granted, IReadOnlyDictionary<string, string> Refused);
