using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BuildRunner.Server.Storage.Migrations.Pg
{
    /// <inheritdoc />
    public partial class QueueOrder : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "run_served",
                table: "work",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.CreateIndex(
                name: "IX_work_repository_priority_run_served_queued_at",
                table: "work",
                columns: new[] { "repository", "priority", "run_served", "queued_at" },
                descending: new[] { false, true, false, false },
                filter: "state = 0 AND pin IS NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_work_repository_priority_run_served_queued_at",
                table: "work");

            migrationBuilder.DropColumn(
                name: "run_served",
                table: "work");
        }
    }
}
