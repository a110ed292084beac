namespace BuildRunner.Settings;

/// <summary>The settings of the service (ux.md B.5).</summary>
internal static class ServerKeys
{
    public const string
        Listen = "Server:Listen",
        Certificate = "Server:Certificate",
        CertificateKey = "Server:CertificateKey",
        PublicUrl = "Server:PublicUrl",
        BasePath = "Server:BasePath",
        TrustedProxies = "Server:TrustedProxies",
        DataDir = "Server:DataDir",
        EmbeddedAgent = "Server:EmbeddedAgent",
        ShutdownGrace = "Server:ShutdownGrace",
        DatabaseProvider = "Database:Provider",
        DatabaseConnection = "Database:ConnectionString",
        DatabaseMigrate = "Database:MigrateOnStart",
        BusTransport = "Bus:Transport",
        BusRabbitUri = "Bus:RabbitMq:Uri",
        BusRabbitPrefix = "Bus:RabbitMq:QueuePrefix",
        LogsMaxPerStep = "Logs:MaxPerStep",
        LogsMaxLine = "Logs:MaxLine",
        MasterKey = "Secrets:MasterKey",
        MasterKeyFile = "Secrets:MasterKeyFile",
        PreviousKeys = "Secrets:PreviousKeys",
        LoggingLevel = "Logging:Level",
        LoggingFormat = "Logging:Format";

    public static IReadOnlyList<SettingKey> All { get; } =
    [
        new(Listen, SettingKind.List, "http://127.0.0.1:8080", "Where the server listens; several addresses are separated by commas."),
        new(Certificate, SettingKind.Text, null, "The certificate for https addresses: a PEM file with the chain."),
        new(CertificateKey, SettingKind.Text, null, "The certificate's key: a PEM file; the certificate's own file if not set."),
        new(PublicUrl, SettingKind.Text, null, "The address by which people and forges reach the server; used in every link. The first listening address if not set."),
        new(BasePath, SettingKind.Text, null, "The path below which a proxy serves BuildRunner, such as /ci."),
        new(TrustedProxies, SettingKind.List, null, "Addresses of proxies whose X-Forwarded headers are believed."),
        new(DataDir, SettingKind.Text, null, "Where database, logs and artifacts are; below the state directory of the user or system if not set."),
        new(EmbeddedAgent, SettingKind.Flag, null, "Whether an agent runs in the server's process; for 'up' it does if not set, for 'server' it does not."),
        new(ShutdownGrace, SettingKind.Duration, "30s", "How long the server takes to finish answering when it is asked to end."),
        new(DatabaseProvider, SettingKind.Text, "sqlite", "The database.") { Choices = ["sqlite", "postgresql"] },
        new(DatabaseConnection, SettingKind.Text, null, "How to reach PostgreSQL: Host=...;Database=...;Username=...;Password=...") { Secret = true },
        new(DatabaseMigrate, SettingKind.Flag, "true", "Whether a start brings the tables to this version."),
        new(BusTransport, SettingKind.Text, "inprocess", "What carries messages between servers.") { Choices = ["inprocess", "rabbitmq"] },
        new(BusRabbitUri, SettingKind.Text, null, "The broker: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps.") { Secret = true },
        new(BusRabbitPrefix, SettingKind.Text, "buildrunner", "Before the name of every queue, so that several installations can share a broker."),
        new(LogsMaxPerStep, SettingKind.Size, "256MiB", "Output that is kept of one attempt of a step; what is cut off is shown."),
        new(LogsMaxLine, SettingKind.Size, "64KiB", "Longest line; longer ones are kept in pieces."),
        new(MasterKey, SettingKind.Text, null, "The key that seals secrets: 32 bytes in base64. Takes the place of the key file.") { Secret = true },
        new(MasterKeyFile, SettingKind.Text, null, "The file with that key, outside of the data directory; made at the first start. In the configuration directory of the user or system if not set."),
        new(PreviousKeys, SettingKind.List, null, "Keys that sealed secrets before the present one.") { Secret = true },
        new(LoggingLevel, SettingKind.Text, "information", "What the service says of itself.") { Choices = ["trace", "debug", "information", "warning", "error"] },
        new(LoggingFormat, SettingKind.Text, null, "How it says it: text, or json, one object a line. Text on a terminal, else json, if not set.") { Choices = ["text", "json"] },
    ];
}
