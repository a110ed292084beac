namespace BuildRunner.Agent;

/// <summary>Which workflows run in the profile <c>hardened</c> on a machine.</summary>
public enum HardenedRuns
{
    /// <summary>None.</summary>
    Never,

    /// <summary>Those whose code comes from somebody who may not write to the repository.</summary>
    Strangers,

    /// <summary>All.</summary>
    Always,
}
