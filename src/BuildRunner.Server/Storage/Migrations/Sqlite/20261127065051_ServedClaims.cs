using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BuildRunner.Server.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class ServedClaims : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "served_claim",
                table: "agents",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0L);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "served_claim",
                table: "agents");
        }
    }
}
