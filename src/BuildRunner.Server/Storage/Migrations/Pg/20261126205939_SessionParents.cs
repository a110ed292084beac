using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BuildRunner.Server.Storage.Migrations.Pg
{
    /// <inheritdoc />
    public partial class SessionParents : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<Guid>(
                name: "parent",
                table: "api_tokens",
                type: "uuid",
                nullable: true);

            migrationBuilder.CreateIndex(
                name: "IX_api_tokens_parent",
                table: "api_tokens",
                column: "parent");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_api_tokens_parent",
                table: "api_tokens");

            migrationBuilder.DropColumn(
                name: "parent",
                table: "api_tokens");
        }
    }
}
