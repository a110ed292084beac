using System.Text.Json;
using System.Text.Json.Serialization;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.AgentContract;

/// <summary>How the contract's messages are written. Unknown members are ignored, so that a newer server can say more.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    IgnoreReadOnlyProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(TextSetConverter), typeof(NumberSetConverter)])]
[JsonSerializable(typeof(RegisterRequest))]
[JsonSerializable(typeof(RegisterResponse))]
[JsonSerializable(typeof(HelloRequest))]
[JsonSerializable(typeof(HelloResponse))]
[JsonSerializable(typeof(ClaimRequest))]
[JsonSerializable(typeof(ClaimResponse))]
[JsonSerializable(typeof(HeartbeatRequest))]
[JsonSerializable(typeof(HeartbeatResponse))]
[JsonSerializable(typeof(GoodbyeRequest))]
[JsonSerializable(typeof(IntentRequest))]
[JsonSerializable(typeof(ResultRequest))]
[JsonSerializable(typeof(ReturnRequest))]
[JsonSerializable(typeof(ServiceRequest))]
[JsonSerializable(typeof(ResumeRequest))]
[JsonSerializable(typeof(ResumeResponse))]
[JsonSerializable(typeof(WorkflowLostRequest))]
[JsonSerializable(typeof(LogPosition))]
[JsonSerializable(typeof(TestReport))]
[JsonSerializable(typeof(Outcome.Cancelled), TypeInfoPropertyName = "OutcomeCancelled")]
[JsonSerializable(typeof(StopReason.Cancelled), TypeInfoPropertyName = "StopReasonCancelled")]
public sealed partial class AgentContractJson : JsonSerializerContext;
