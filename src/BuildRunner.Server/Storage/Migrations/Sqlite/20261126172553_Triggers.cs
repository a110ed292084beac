using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BuildRunner.Server.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Triggers : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "checks",
                columns: table => new
                {
                    run = table.Column<Guid>(type: "TEXT", nullable: false),
                    workflow = table.Column<string>(type: "TEXT", nullable: false),
                    reported = table.Column<string>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_checks", x => new { x.run, x.workflow });
                    table.ForeignKey(
                        name: "FK_checks_runs_run",
                        column: x => x.run,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "checks_due",
                columns: table => new
                {
                    run = table.Column<Guid>(type: "TEXT", nullable: false),
                    version = table.Column<long>(type: "INTEGER", nullable: false),
                    due_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_checks_due", x => x.run);
                    table.ForeignKey(
                        name: "FK_checks_due_runs_run",
                        column: x => x.run,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "forge_repositories",
                columns: table => new
                {
                    repository = table.Column<Guid>(type: "TEXT", nullable: false),
                    forge_id = table.Column<long>(type: "INTEGER", nullable: false),
                    owner = table.Column<long>(type: "INTEGER", nullable: false),
                    full_name = table.Column<string>(type: "TEXT", nullable: false),
                    @private = table.Column<bool>(name: "private", type: "INTEGER", nullable: false),
                    installation = table.Column<long>(type: "INTEGER", nullable: true),
                    polled = table.Column<bool>(type: "INTEGER", nullable: false),
                    seen = table.Column<string>(type: "TEXT", nullable: false),
                    looked_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_forge_repositories", x => x.repository);
                    table.ForeignKey(
                        name: "FK_forge_repositories_repositories_repository",
                        column: x => x.repository,
                        principalTable: "repositories",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "hooks",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "TEXT", nullable: false),
                    name = table.Column<string>(type: "TEXT", nullable: false),
                    repository = table.Column<Guid>(type: "TEXT", nullable: false),
                    settings = table.Column<string>(type: "TEXT", nullable: false),
                    secret = table.Column<byte[]>(type: "BLOB", nullable: true),
                    previous_secret = table.Column<byte[]>(type: "BLOB", nullable: true),
                    enabled = table.Column<bool>(type: "INTEGER", nullable: false),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false),
                    last_delivery_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_hooks", x => x.id);
                    table.ForeignKey(
                        name: "FK_hooks_repositories_repository",
                        column: x => x.repository,
                        principalTable: "repositories",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "inbox",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "TEXT", nullable: false),
                    source = table.Column<string>(type: "TEXT", nullable: false),
                    delivery = table.Column<string>(type: "TEXT", nullable: false),
                    @event = table.Column<string>(name: "event", type: "TEXT", nullable: false),
                    body = table.Column<byte[]>(type: "BLOB", nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    state = table.Column<int>(type: "INTEGER", nullable: false),
                    tries = table.Column<int>(type: "INTEGER", nullable: false),
                    due_at = table.Column<long>(type: "INTEGER", nullable: false),
                    verdict = table.Column<string>(type: "TEXT", nullable: false),
                    run = table.Column<Guid>(type: "TEXT", nullable: true),
                    repository = table.Column<Guid>(type: "TEXT", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_inbox", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "outbox",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "TEXT", nullable: false),
                    target = table.Column<string>(type: "TEXT", nullable: false),
                    run = table.Column<Guid>(type: "TEXT", nullable: false),
                    @event = table.Column<string>(name: "event", type: "TEXT", nullable: false),
                    body = table.Column<byte[]>(type: "BLOB", nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    due_at = table.Column<long>(type: "INTEGER", nullable: false),
                    tries = table.Column<int>(type: "INTEGER", nullable: false),
                    done = table.Column<bool>(type: "INTEGER", nullable: false),
                    verdict = table.Column<string>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_outbox", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "registries",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "TEXT", nullable: false),
                    level = table.Column<int>(type: "INTEGER", nullable: false),
                    owner = table.Column<string>(type: "TEXT", nullable: false),
                    host = table.Column<string>(type: "TEXT", nullable: false),
                    user = table.Column<string>(type: "TEXT", nullable: false),
                    @sealed = table.Column<byte[]>(name: "sealed", type: "BLOB", nullable: false),
                    key_id = table.Column<string>(type: "TEXT", nullable: false),
                    updated_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_registries", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "schedules",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "TEXT", nullable: false),
                    repository = table.Column<Guid>(type: "TEXT", nullable: false),
                    name = table.Column<string>(type: "TEXT", nullable: false),
                    cron = table.Column<string>(type: "TEXT", nullable: false),
                    zone = table.Column<string>(type: "TEXT", nullable: false),
                    branch = table.Column<string>(type: "TEXT", nullable: true),
                    inputs = table.Column<string>(type: "TEXT", nullable: false),
                    enabled = table.Column<bool>(type: "INTEGER", nullable: false),
                    misfire = table.Column<int>(type: "INTEGER", nullable: false),
                    overlap = table.Column<int>(type: "INTEGER", nullable: false),
                    handled_up_to = table.Column<long>(type: "INTEGER", nullable: false),
                    next_due = table.Column<long>(type: "INTEGER", nullable: true),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_schedules", x => x.id);
                    table.ForeignKey(
                        name: "FK_schedules_repositories_repository",
                        column: x => x.repository,
                        principalTable: "repositories",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "schedule_fires",
                columns: table => new
                {
                    schedule = table.Column<Guid>(type: "TEXT", nullable: false),
                    due = table.Column<long>(type: "INTEGER", nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    run = table.Column<Guid>(type: "TEXT", nullable: true),
                    done = table.Column<bool>(type: "INTEGER", nullable: false),
                    tries = table.Column<int>(type: "INTEGER", nullable: false),
                    why = table.Column<string>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_schedule_fires", x => new { x.schedule, x.due });
                    table.ForeignKey(
                        name: "FK_schedule_fires_schedules_schedule",
                        column: x => x.schedule,
                        principalTable: "schedules",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_checks_due_due_at",
                table: "checks_due",
                column: "due_at");

            migrationBuilder.CreateIndex(
                name: "IX_forge_repositories_forge_id",
                table: "forge_repositories",
                column: "forge_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_hooks_name",
                table: "hooks",
                column: "name",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_hooks_repository",
                table: "hooks",
                column: "repository");

            migrationBuilder.CreateIndex(
                name: "IX_inbox_at",
                table: "inbox",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "IX_inbox_due_at",
                table: "inbox",
                column: "due_at",
                filter: "state = 0");

            migrationBuilder.CreateIndex(
                name: "IX_inbox_source_delivery",
                table: "inbox",
                columns: new[] { "source", "delivery" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_outbox_due_at",
                table: "outbox",
                column: "due_at",
                filter: "NOT done");

            migrationBuilder.CreateIndex(
                name: "IX_registries_level_owner_host",
                table: "registries",
                columns: new[] { "level", "owner", "host" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_schedules_next_due",
                table: "schedules",
                column: "next_due");

            migrationBuilder.CreateIndex(
                name: "IX_schedules_repository_name",
                table: "schedules",
                columns: new[] { "repository", "name" },
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "checks");

            migrationBuilder.DropTable(
                name: "checks_due");

            migrationBuilder.DropTable(
                name: "forge_repositories");

            migrationBuilder.DropTable(
                name: "hooks");

            migrationBuilder.DropTable(
                name: "inbox");

            migrationBuilder.DropTable(
                name: "outbox");

            migrationBuilder.DropTable(
                name: "registries");

            migrationBuilder.DropTable(
                name: "schedule_fires");

            migrationBuilder.DropTable(
                name: "schedules");
        }
    }
}
