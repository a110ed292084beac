#!/usr/bin/env bash
# Writes the ready-made models of the store anew (src/BuildRunner.Server/Storage/Models). To be run after every change of the model, as "dotnet ef migrations add" is.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
models=src/BuildRunner.Server/Storage/Models
rm -rf "$models"
dotnet tool restore >/dev/null
dotnet build src/BuildRunner.Server -c Release -v q --nologo
for database in Sqlite Pg; do
  dotnet ef dbcontext optimize --no-build --configuration Release --project src/BuildRunner.Server --context "${database}Db" \
    --output-dir "Storage/Models/$database" --namespace "BuildRunner.Server.Storage.Models.$database"
done
