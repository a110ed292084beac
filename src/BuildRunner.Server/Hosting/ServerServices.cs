using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Api;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Forge.Checks;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Pages;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Telemetry;
using BuildRunner.Server.Triggers;
using BuildRunner.Server.Triggers.GitHub;
using BuildRunner.Server.Webhooks;
using MassTransit;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace BuildRunner.Server.Hosting;

/// <summary>Puts the server together for a host.</summary>
public static class ServerServices
{
    /// <summary>Adds the server.</summary>
    /// <param name="services">The host's services. A <see cref="TimeProvider"/> that is there already is used.</param>
    /// <param name="options">Its options.</param>
    /// <param name="transport">Chooses what carries the bus, after <see cref="BusTopology.AddServerConsumers"/>; null: this process.</param>
    /// <exception cref="ArgumentException">The options cannot be used; the message says why.</exception>
    public static IServiceCollection AddBuildRunnerServer(this IServiceCollection services, ServerOptions options, Action<IBusRegistrationConfigurator>? transport = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Problems() is { Count: > 0 } problems)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, problems), nameof(options));
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options).AddSingleton(options.Bus).AddSingleton(options.Dispatch).AddSingleton(options.Logs).AddSingleton(options.Keys);
        services.AddSingleton(s => OpenDatabase(options, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(_ => new RunPlans(options.Judge));
        services.AddSingleton<RunWriter>().AddSingleton<QueueRows>().AddSingleton<RunNumbers>().AddSingleton<RunRegister>().AddSingleton<SecretStore>();
        services.AddSingleton<LabelSets>().AddSingleton<Doorbells>().AddSingleton<RunFollowers>().AddSingleton<WorkItems>();
        services.AddSingleton<Claims>().AddSingleton<Takings>().AddSingleton<Resumptions>().AddSingleton<Reports>().AddSingleton<GiveBacks>().AddSingleton<Leases>().AddSingleton<Sweeper>();
        services.AddSingleton<AgentRegistry>().AddSingleton<ServerBus>().AddSingleton<BellPump>();
        services.AddSingleton<ApiTokens>().AddSingleton<LogUploads>().AddSingleton<LogReader>().AddSingleton<Readiness>();
        services.AddSingleton(options.Sources).AddSingleton(options.Pipelines).AddSingleton<Links>().AddSingleton<AuditLog>().AddSingleton<AgentDesk>();
        services.AddSingleton<RepositoryStore>().AddSingleton<RepositoryRemoval>().AddSingleton<RunStarter>().AddSingleton<StartTargets>().AddSingleton<CellLabels>().AddSingleton<RunViews>().AddSingleton<LogTexts>();
        services.AddSingleton(s => new ServerHandle(s.GetRequiredService<AgentRegistry>(), s.GetRequiredService<ApiTokens>(), s.GetRequiredService<Links>()));
        services.AddSingleton<QueueView>().AddSingleton<QueueSwitch>();
        services.AddSingleton(s => new SourceReader(Path.Combine(options.DataDirectory, "git"), options.Sources, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(_ => new LogFiles(Path.Combine(options.DataDirectory, "logs"), MaxStream(options.Logs)));
        services.AddSingleton<NewRuns>().AddSingleton<Remotes>().AddSingleton<SecretRegister>().AddSingleton<RegistryStore>();
        services.AddSingleton(options.Webhooks).AddSingleton<Inbox>().AddSingleton<Hooks>().AddSingleton<HookLimits>().AddSingleton<RefusedDeliveries>().AddSingleton(new BodyBudget(BodyBudget.Usual)).AddSingleton<IDeliveryHandler, HookDeliveries>();
        services.AddSingleton(options.Notify).AddSingleton<OutboxNotes>();
        AddForge(services, options.GitHub);
        services.AddSingleton<IDataProtectionProvider>(new SealedProtection(options.Keys, purpose: ""));
        services.AddSingleton(options.Housekeeping).AddSingleton<Housekeeping>();
        services.AddProblemDetails().AddExceptionHandler<Faults>();
        services.AddRequestLimits();
        services.AddApiDescription();
        services.AddPages();
        LeaveOutTheFrameworksKeys(services);
        ServerEndpoints.AddAccess(services);
        services.AddHostedService<Migration>().AddHostedService<MadeAppWatch>().AddHostedService<BellService>().AddHostedService<SweepService>().AddHostedService<HousekeepingService>();
        services.AddHostedService<RunTelemetry>().AddHostedService<QueueGauges>();
        services.AddSchedules(options.Schedules, options.PostgreSql);
        services.AddHostedService<InboxService>().AddHostedService<CheckReporter>().AddHostedService<HeadSearch>().AddHostedService<DeliverySearch>().AddHostedService<OutboxService>();
        services.AddMassTransit(bus =>
        {
            bus.AddServerConsumers();
            (transport ?? (b => b.UseInProcess(options.Bus)))(bus);
        });
        return services;
    }

    private static void AddForge(IServiceCollection services, GitHubOptions options)
    {
        services.AddSingleton(options).AddSingleton<GitHubLogin>().AddSingleton<GitHubApps>().AddSingleton<GitHubConnections>().AddSingleton<GitHubTokens>().AddSingleton<GitHubForge>().AddSingleton<GitHubDirectory>().AddSingleton<GitHubHooks>();
        services.AddSingleton<ForgeRepositories>().AddSingleton<ForgeRuns>().AddSingleton<IDeliveryHandler, GitHubDeliveries>();
        services.AddSingleton<GitHubChecks>().AddSingleton<LogScans>().AddSingleton<TestResults>().AddSingleton<RunViewLoader>();
    }

    // Frames and what BuildRunner itself says come on top of what the step wrote.
    // Pages bring the framework's own keys along, which SealedProtection stands in for: nothing reads them, and their start would write one into the home folder, in the clear.
    private static void LeaveOutTheFrameworksKeys(IServiceCollection services)
    {
        foreach (var key in services.Where(service => service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Assembly == typeof(IKeyManager).Assembly).ToList())
            services.Remove(key);
    }

    private static long MaxStream(LogLimits logs) => (2 * logs.MaxPerStep) + (1024 * 1024);

    /// <summary>Begins to put the bus together, which takes a while, beside whatever else is to be done before it starts. What is wrong with it is said when it starts.</summary>
    internal static void PrepareBus(IServiceProvider services) => _ = Task.Run(services.GetRequiredService<ServerBus>);

    /// <summary>The database that the options name; nothing is migrated.</summary>
    internal static Database OpenDatabase(ServerOptions options, TimeProvider time)
    {
        Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return options.PostgreSql is { } connection
            ? new PgDatabase(connection, clock: null)
            : new SqliteDatabase(PrivateFile.Make(Path.Combine(options.DataDirectory, "buildrunner.db")), time);
    }
}
