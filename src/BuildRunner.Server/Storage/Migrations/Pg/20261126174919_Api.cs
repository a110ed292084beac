using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BuildRunner.Server.Storage.Migrations.Pg
{
    /// <inheritdoc />
    public partial class Api : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_runs_repository_branch",
                table: "runs");

            migrationBuilder.AddColumn<long>(
                name: "logs_removed_at",
                table: "runs",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "reason",
                table: "runs",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "ref",
                table: "runs",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<long>(
                name: "started_at",
                table: "runs",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<byte[]>(
                name: "credential",
                table: "repositories",
                type: "bytea",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "user",
                table: "repositories",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "kind",
                table: "api_tokens",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.CreateIndex(
                name: "IX_runs_ended_at",
                table: "runs",
                column: "ended_at",
                filter: "logs_removed_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "IX_runs_repository_ref",
                table: "runs",
                columns: new[] { "repository", "ref" },
                filter: "stage < 3");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_runs_ended_at",
                table: "runs");

            migrationBuilder.DropIndex(
                name: "IX_runs_repository_ref",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "logs_removed_at",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "reason",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "ref",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "started_at",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "credential",
                table: "repositories");

            migrationBuilder.DropColumn(
                name: "user",
                table: "repositories");

            migrationBuilder.DropColumn(
                name: "kind",
                table: "api_tokens");

            migrationBuilder.CreateIndex(
                name: "IX_runs_repository_branch",
                table: "runs",
                columns: new[] { "repository", "branch" },
                filter: "stage < 3");
        }
    }
}
