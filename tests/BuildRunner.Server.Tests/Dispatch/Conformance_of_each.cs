namespace BuildRunner.Server.Tests.Dispatch;

public sealed class Dispatch_on_SQLite_in_process(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override Task<InstallationSpec> SpecAsync() => Task.FromResult(new InstallationSpec());
}

public sealed class Dispatch_on_SQLite_over_RabbitMQ(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override async Task<InstallationSpec> SpecAsync() => new() { Rabbit = await Servers.BrokerAsync() };
}

public sealed class Dispatch_on_PostgreSQL_in_process(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override async Task<InstallationSpec> SpecAsync() => new() { Postgres = await Servers.DatabaseAsync() };
}

public sealed class Dispatch_on_PostgreSQL_over_RabbitMQ(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override async Task<InstallationSpec> SpecAsync() => new() { Postgres = await Servers.DatabaseAsync(), Rabbit = await Servers.BrokerAsync() };
}
