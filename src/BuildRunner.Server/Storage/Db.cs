using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Storage;

/// <summary>The tables. One model for two databases; what differs is in <see cref="SqliteDb"/>, <see cref="PgDb"/> and their <see cref="Database"/>.</summary>
internal abstract class Db(DbContextOptions options) : DbContext(options)
{
    public DbSet<RepositoryRow> Repositories => Set<RepositoryRow>();

    public DbSet<RunRow> Runs => Set<RunRow>();

    public DbSet<RunPlanRow> RunPlans => Set<RunPlanRow>();

    public DbSet<RunImageRow> RunImages => Set<RunImageRow>();

    public DbSet<WorkRow> Work => Set<WorkRow>();

    /// <summary>Work that is not over, a small part of <see cref="Work"/>. Whoever looks for such work asks here: SQLite uses the small indexes only for queries that repeat their condition.</summary>
    public IQueryable<WorkRow> OpenWork => Work.Where(w => w.State < WorkState.Done);

    public DbSet<LabelSetRow> LabelSets => Set<LabelSetRow>();

    public DbSet<GroupHoldRow> GroupHolds => Set<GroupHoldRow>();

    public DbSet<AgentRow> Agents => Set<AgentRow>();

    public DbSet<RegistrationTokenRow> RegistrationTokens => Set<RegistrationTokenRow>();

    public DbSet<ApiTokenRow> ApiTokens => Set<ApiTokenRow>();

    public DbSet<SecretRow> Secrets => Set<SecretRow>();

    public DbSet<AuditRow> Audit => Set<AuditRow>();

    public DbSet<LogStreamRow> LogStreams => Set<LogStreamRow>();

    public DbSet<DeliveryRow> Deliveries => Set<DeliveryRow>();

    public DbSet<ApprovalRow> Approvals => Set<ApprovalRow>();

    public DbSet<SettingRow> Settings => Set<SettingRow>();

    public DbSet<LeaseRow> Leases => Set<LeaseRow>();

    public DbSet<InboxRow> Inbox => Set<InboxRow>();

    public DbSet<HookRow> Hooks => Set<HookRow>();

    public DbSet<ScheduleRow> Schedules => Set<ScheduleRow>();

    public DbSet<ScheduleFireRow> ScheduleFires => Set<ScheduleFireRow>();

    public DbSet<ForgeRepositoryRow> ForgeRepositories => Set<ForgeRepositoryRow>();

    public DbSet<CheckRow> Checks => Set<CheckRow>();

    public DbSet<CheckDueRow> ChecksDue => Set<CheckDueRow>();

    public DbSet<RegistryRow> Registries => Set<RegistryRow>();

    public DbSet<OutboxRow> Outbox => Set<OutboxRow>();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        ArgumentNullException.ThrowIfNull(configurationBuilder);

        // SQLite can neither order nor compare a DateTimeOffset.
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UnixMilliseconds>();
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        ArgumentNullException.ThrowIfNull(modelBuilder);
        DbModel.Describe(modelBuilder);
    }
}

/// <summary>The tables in SQLite.</summary>
internal sealed class SqliteDb(DbContextOptions<SqliteDb> options) : Db(options);

/// <summary>The tables in PostgreSQL.</summary>
internal sealed class PgDb(DbContextOptions<PgDb> options) : Db(options);
