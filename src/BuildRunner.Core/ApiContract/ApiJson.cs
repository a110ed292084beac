using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Core.ApiContract;

/// <summary>How the API's messages are written. Unknown members of answers are ignored, so that a newer server can say more; unknown members of requests are refused by the server.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WhoAmI))]
[JsonSerializable(typeof(RedeemLink))]
[JsonSerializable(typeof(ApiList<Repository>), TypeInfoPropertyName = "RepositoryList")]
[JsonSerializable(typeof(Repository))]
[JsonSerializable(typeof(AddRepository))]
[JsonSerializable(typeof(ChangeRepository))]
[JsonSerializable(typeof(StartRun))]
[JsonSerializable(typeof(CancelRun))]
[JsonSerializable(typeof(RerunRun))]
[JsonSerializable(typeof(DecideRun))]
[JsonSerializable(typeof(RunPage))]
[JsonSerializable(typeof(RunSummary))]
[JsonSerializable(typeof(RunDetails))]
[JsonSerializable(typeof(LogEntry))]
[JsonSerializable(typeof(LogEnd))]
[JsonSerializable(typeof(ApiList<AgentInfo>), TypeInfoPropertyName = "AgentList")]
[JsonSerializable(typeof(AgentInfo))]
[JsonSerializable(typeof(NewAgentToken))]
[JsonSerializable(typeof(AgentToken))]
[JsonSerializable(typeof(QueueInfo))]
[JsonSerializable(typeof(PauseQueue))]
[JsonSerializable(typeof(ApiList<ApiToken>), TypeInfoPropertyName = "ApiTokenList")]
[JsonSerializable(typeof(ApiToken))]
[JsonSerializable(typeof(NewApiToken))]
[JsonSerializable(typeof(CreatedApiToken))]
[JsonSerializable(typeof(ApiList<AuditEntry>), TypeInfoPropertyName = "AuditList")]
[JsonSerializable(typeof(ApiProblem))]
[JsonSerializable(typeof(ApiList<SecretInfo>), TypeInfoPropertyName = "SecretList")]
[JsonSerializable(typeof(SecretInfo))]
[JsonSerializable(typeof(SetSecret))]
[JsonSerializable(typeof(RotatedKeys))]
[JsonSerializable(typeof(ApiList<RegistryInfo>), TypeInfoPropertyName = "RegistryList")]
[JsonSerializable(typeof(RegistryInfo))]
[JsonSerializable(typeof(SetRegistry))]
[JsonSerializable(typeof(ApiList<ScheduleInfo>), TypeInfoPropertyName = "ScheduleList")]
[JsonSerializable(typeof(ScheduleInfo))]
[JsonSerializable(typeof(SetSchedule))]
[JsonSerializable(typeof(ApiList<HookInfo>), TypeInfoPropertyName = "HookList")]
[JsonSerializable(typeof(HookInfo))]
[JsonSerializable(typeof(HookSettings))]
[JsonSerializable(typeof(SetHook))]
[JsonSerializable(typeof(CreatedHook))]
[JsonSerializable(typeof(ApiList<DeliveryInfo>), TypeInfoPropertyName = "DeliveryList")]
[JsonSerializable(typeof(DeliveryInfo))]
[JsonSerializable(typeof(ApiList<RefusedInfo>), TypeInfoPropertyName = "RefusedList")]
[JsonSerializable(typeof(RefusedInfo))]
[JsonSerializable(typeof(RunNotice))]
public sealed partial class ApiJson : JsonSerializerContext;

/// <summary>Problem details as the API answers them (RFC 9457).</summary>
public sealed record ApiProblem
{
    /// <summary>HTTP status.</summary>
    public int Status { get; init; }

    /// <summary>A few words.</summary>
    public string? Title { get; init; }

    /// <summary>What happened and what to do.</summary>
    public string? Detail { get; init; }

    /// <summary>A word of <see cref="ApiProblems"/>.</summary>
    public string? Code { get; init; }
}
