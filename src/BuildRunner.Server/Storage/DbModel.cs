using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Storage;

/// <summary>Keys, indexes and names of the tables.</summary>
internal static class DbModel
{
    /// <summary>Work that is not over; a small part of the table, and all that the queue looks at.</summary>
    private const string Open = "state < 4";

    /// <summary>Work that any agent may take.</summary>
    private const string Offered = "state = 0 AND pin IS NULL";

    public static void Describe(ModelBuilder model)
    {
        DescribeRuns(model);
        DescribeQueue(model);
        DescribeAccess(model);
        DescribeTriggers(model);
        DescribeForge(model);
        model.Entity<LogStreamRow>().HasKey(s => new { s.Work, s.Stream });
        model.Entity<LogStreamRow>().HasIndex(s => s.Run);
        model.Entity<DeliveryRow>().HasKey(d => new { d.Source, d.Key });
        model.Entity<ApprovalRow>().HasKey(a => a.Run);
        model.Entity<SettingRow>().HasKey(s => s.Key);
        model.Entity<LeaseRow>().HasKey(l => l.Name);
        NameInSnakeCase(model);
    }

    private static void DescribeRuns(ModelBuilder model)
    {
        model.Entity<RepositoryRow>().HasIndex(r => r.Key).IsUnique();
        model.Entity<RunRow>(run =>
        {
            run.HasIndex(r => new { r.Repository, r.Number, r.Attempt }).IsUnique();
            run.HasIndex(r => r.CreatedAt);
            run.HasIndex(r => r.Deadline).HasFilter("deadline IS NOT NULL");
            run.HasIndex(r => new { r.Repository, r.Ref }).HasFilter("stage < 3");
            run.HasIndex(r => r.EndedAt).HasFilter("logs_removed_at IS NULL");
            run.HasOne<RepositoryRow>().WithMany().HasForeignKey(r => r.Repository);
        });
        model.Entity<RunPlanRow>().HasKey(p => p.Run);
        model.Entity<RunPlanRow>().HasOne<RunRow>().WithOne().HasForeignKey<RunPlanRow>(p => p.Run);
        model.Entity<RunImageRow>().HasKey(i => new { i.Run, i.Image });
    }

    private static void DescribeQueue(ModelBuilder model)
    {
        model.Entity<WorkRow>(work =>
        {
            work.HasIndex(w => new { w.Run, w.Workflow, w.Kind, w.Step, w.Attempt }).IsUnique();
            work.HasIndex(w => new { w.State, w.Pin, w.LabelSet, w.Priority }).HasFilter(Open);
            work.HasIndex(w => new { w.Agent, w.State }).HasFilter(Open);
            work.HasIndex(w => new { w.Repository, w.Priority, w.RunServed, w.QueuedAt }).IsDescending(false, true, false, false).HasFilter(Offered);
            work.HasIndex(w => w.Start);
            work.HasOne<RunRow>().WithMany().HasForeignKey(w => w.Run);
        });
        model.Entity<LabelSetRow>().HasIndex(s => s.Labels).IsUnique();
        model.Entity<GroupHoldRow>().HasKey(h => new { h.Group, h.Place });
        model.Entity<GroupHoldRow>().HasIndex(h => h.Start).IsUnique();
        model.Entity<AgentRow>().HasIndex(a => a.Name).IsUnique();
        model.Entity<AgentRow>().HasIndex(a => a.Credential).IsUnique();
    }

    private static void DescribeAccess(ModelBuilder model)
    {
        model.Entity<RegistrationTokenRow>().HasIndex(t => t.Hash).IsUnique();
        model.Entity<ApiTokenRow>().HasIndex(t => t.Hash).IsUnique();
        model.Entity<ApiTokenRow>().HasIndex(t => t.Parent);
        model.Entity<SecretRow>().HasIndex(s => new { s.Level, s.Owner, s.Key }).IsUnique();
        model.Entity<AuditRow>().HasIndex(a => a.At);
    }

    private static void DescribeTriggers(ModelBuilder model)
    {
        model.Entity<InboxRow>().HasIndex(i => new { i.Source, i.Delivery }).IsUnique();
        model.Entity<InboxRow>().HasIndex(i => i.DueAt).HasFilter("state = 0");
        model.Entity<InboxRow>().HasIndex(i => i.At);
        model.Entity<HookRow>().HasIndex(h => h.Name).IsUnique();
        model.Entity<HookRow>().HasOne<RepositoryRow>().WithMany().HasForeignKey(h => h.Repository);
        model.Entity<ScheduleRow>().HasIndex(s => new { s.Repository, s.Name }).IsUnique();
        model.Entity<ScheduleRow>().HasIndex(s => s.NextDue);
        model.Entity<ScheduleRow>().HasOne<RepositoryRow>().WithMany().HasForeignKey(s => s.Repository);
        model.Entity<ScheduleFireRow>().HasKey(f => new { f.Schedule, f.Due });
        model.Entity<ScheduleFireRow>().HasOne<ScheduleRow>().WithMany().HasForeignKey(f => f.Schedule);
    }

    private static void DescribeForge(ModelBuilder model)
    {
        model.Entity<ForgeRepositoryRow>().HasKey(f => f.Repository);
        model.Entity<ForgeRepositoryRow>().HasIndex(f => f.ForgeId).IsUnique();
        model.Entity<ForgeRepositoryRow>().HasOne<RepositoryRow>().WithOne().HasForeignKey<ForgeRepositoryRow>(f => f.Repository);
        model.Entity<CheckRow>().HasKey(c => new { c.Run, c.Workflow });
        model.Entity<CheckRow>().HasOne<RunRow>().WithMany().HasForeignKey(c => c.Run);
        model.Entity<CheckDueRow>().HasKey(c => c.Run);
        model.Entity<CheckDueRow>().HasIndex(c => c.DueAt);
        model.Entity<CheckDueRow>().HasOne<RunRow>().WithOne().HasForeignKey<CheckDueRow>(c => c.Run);
        model.Entity<RegistryRow>().HasIndex(r => new { r.Level, r.Owner, r.Host }).IsUnique();
        model.Entity<OutboxRow>().HasIndex(o => o.DueAt).HasFilter("NOT done");
    }

    // Names that a person can type at a database's prompt without quotes.
    private static void NameInSnakeCase(ModelBuilder model)
    {
        foreach (var entity in model.Model.GetEntityTypes())
        {
            entity.SetTableName(SnakeCase(entity.GetTableName()!));
            foreach (var property in entity.GetProperties())
            {
                property.SetColumnName(SnakeCase(property.Name));
            }
        }
    }

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString()));
}
