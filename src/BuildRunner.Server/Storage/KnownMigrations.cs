namespace BuildRunner.Server.Storage;

/// <summary>
/// The changes of the tables by name, oldest first. Who adds one writes it down here; a test compares. A start that looked for them in the assembly would load every type of the server,
/// most of which it never needs (decision 0218).
/// </summary>
internal static class KnownMigrations
{
    /// <summary>Those of SQLite.</summary>
    public static IReadOnlyList<string> Sqlite { get; } =
    [
        "20261124033643_Initial",
        "20261126172553_Triggers",
        "20261126174913_Api",
        "20261126205932_SessionParents",
        "20261126211103_QueueOrder",
        "20261127065051_ServedClaims",
    ];

    /// <summary>Those of PostgreSQL.</summary>
    public static IReadOnlyList<string> PostgreSql { get; } =
    [
        "20261124033648_Initial",
        "20261126172556_Triggers",
        "20261126174919_Api",
        "20261126205939_SessionParents",
        "20261126211109_QueueOrder",
        "20261127065100_ServedClaims",
    ];
}
