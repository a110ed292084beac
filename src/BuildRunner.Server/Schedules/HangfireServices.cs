using System.Globalization;
using BuildRunner.Server.Access;
using BuildRunner.Server.Storage;
using Hangfire;
using Hangfire.Dashboard;
using Hangfire.PostgreSql;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace BuildRunner.Server.Schedules;

/// <summary>Puts Hangfire together. It lives in memory, or in PostgreSQL where that is the database; either way our own table is the truth.</summary>
internal static class HangfireServices
{
    /// <summary>Where administrators see its own pages, read-only.</summary>
    public const string Dashboard = "/admin/hangfire";

    public static void AddSchedules(this IServiceCollection services, ScheduleOptions options, string? postgreSql)
    {
        services.AddSingleton(options).AddSingleton<ScheduleStore>().AddSingleton<ScheduleFirer>();
        services.AddHangfire(hangfire =>
        {
            hangfire.SetDataCompatibilityLevel(CompatibilityLevel.Version_180).UseSimpleAssemblyNameTypeSerializer().UseRecommendedSerializerSettings();
            if (postgreSql is null)
            {
                hangfire.UseInMemoryStorage();
            }
            else
            {
                var storage = new PostgreSqlStorageOptions();
                storage.PrepareSchemaIfNecessary = !TryPrepareTables(postgreSql, storage.SchemaName);
                hangfire.UsePostgreSqlStorage(bootstrap => bootstrap.UseNpgsqlConnection(postgreSql), storage);
            }
        });
        services.AddHostedService<HangfireClock>();
    }

    /// <summary>How it works here: at most a second of work, because it looks at the table, and the runs' steps are agents' work.</summary>
    public static BackgroundJobServerOptions ServerOptions(IServiceProvider services) => new()
    {
        Activator = services.GetRequiredService<JobActivator>(),
        WorkerCount = 2,
        SchedulePollingInterval = TimeSpan.FromSeconds(1),
        ServerName = $"buildrunner-{Environment.MachineName}-{Environment.ProcessId}",
    };

    /// <summary>Maps its pages. They are put together when somebody looks at them: few do, and every start would wait for it.</summary>
    public static void MapHangfire(this IEndpointRouteBuilder routes)
    {
        var pages = new Lazy<RequestDelegate>(() => PagesOf(routes.CreateApplicationBuilder()));
        routes.Map(Dashboard + "/{**path}", http => pages.Value(http)).RequireAuthorization(Scopes.Admin);
    }

    private static RequestDelegate PagesOf(IApplicationBuilder app)
    {
        var options = new DashboardOptions { Authorization = [new Allowed()], IsReadOnlyFunc = _ => true, DisplayStorageConnectionString = false, AppPath = "/" };
        var (storage, pages) = (app.ApplicationServices.GetRequiredService<JobStorage>(), app.ApplicationServices.GetRequiredService<Hangfire.Dashboard.RouteCollection>());
        return app.UsePathBase(Dashboard).UseMiddleware<AspNetCoreDashboardMiddleware>(storage, options, pages).Build();
    }

    // By itself it makes its tables without regard to another server that does the same, and then one of the two does not start.
    internal static bool TryPrepareTables(string postgreSql, string schema)
    {
        try
        {
            // The lock ends with the connection, and that with its source.
            using var source = NpgsqlDataSource.Create(postgreSql);
            using var connection = source.OpenConnection();
            if (IsCurrent(connection, schema))
            {
                return true;
            }

            using var hold = new NpgsqlCommand($"SELECT pg_advisory_lock({PgDatabase.MigrationLock})", connection) { CommandTimeout = 0 };
            hold.ExecuteNonQuery();
            PostgreSqlObjectsInstaller.Install(connection, schema);
            return true;
        }
        catch (NpgsqlException)
        {
            // The database is away: Hangfire has its own way of waiting for it.
            return false;
        }
    }

    // Its installer runs every script that there ever was and lets those fail that are in force already: some twenty errors at each start.
    internal static bool IsCurrent(NpgsqlConnection connection, string schema)
    {
        using var look = new NpgsqlCommand("SELECT to_regclass(@table)::text", connection);
        look.Parameters.AddWithValue("table", $"{schema}.schema");
        if (look.ExecuteScalar() is not string table)
        {
            return false;
        }

        using var read = new NpgsqlCommand($"SELECT max(version) FROM {table}", connection);
        return read.ExecuteScalar() is int version && version >= Newest;
    }

    // Names end with .Install.v23.sql. Where none does, nothing is current, and its installer looks for itself.
    private static int Newest => typeof(PostgreSqlObjectsInstaller).Assembly.GetManifestResourceNames()
        .Select(name => name.Split('.'))
        .Where(parts => parts is [.., "Install", ['v', ..], "sql"])
        .Select(parts => int.TryParse(parts[^2].AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0)
        .Append(0)
        .Max() is > 0 and var newest ? newest : int.MaxValue;

    // Who may come here was decided by the endpoint's policy.
    private sealed class Allowed : IDashboardAuthorizationFilter
    {
        public bool Authorize(DashboardContext context) => true;
    }
}
