using System.Text.Json;
using System.Text.Json.Serialization;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server;

/// <summary>What lies as JSON in a column, but runs and plans (<see cref="RunJson"/>).</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    IgnoreReadOnlyProperties = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(RepositorySettings))]
[JsonSerializable(typeof(SecretRules))]
[JsonSerializable(typeof(Dictionary<string, Forge.SeenHead>))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
[JsonSerializable(typeof(Forge.Checks.ReportedCheck))]
[JsonSerializable(typeof(Forge.StoredApp))]
[JsonSerializable(typeof(TrustDecision))]
[JsonSerializable(typeof(StopReason))]
[JsonSerializable(typeof(WorkResult))]
[JsonSerializable(typeof(IReadOnlyList<Diagnostic>))]
[JsonSerializable(typeof(Outcome.Cancelled), TypeInfoPropertyName = "OutcomeCancelled")]
[JsonSerializable(typeof(StopReason.Cancelled), TypeInfoPropertyName = "StopReasonCancelled")]
internal sealed partial class StoredJson : JsonSerializerContext;
