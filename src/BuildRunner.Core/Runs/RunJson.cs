using System.Text.Json;
using System.Text.Json.Serialization;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>Runs as JSON, as they are stored. Reading gives back what was written.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    IgnoreReadOnlyProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(TextSetConverter), typeof(NumberSetConverter)])]
[JsonSerializable(typeof(RunState))]
[JsonSerializable(typeof(RunPlan))]
[JsonSerializable(typeof(Outcome.Cancelled), TypeInfoPropertyName = "OutcomeCancelled")]
[JsonSerializable(typeof(StopReason.Cancelled), TypeInfoPropertyName = "StopReasonCancelled")]
[JsonSerializable(typeof(StepPhase.Done), TypeInfoPropertyName = "StepPhaseDone")]
[JsonSerializable(typeof(WorkflowPhase.Queued), TypeInfoPropertyName = "WorkflowPhaseQueued")]
[JsonSerializable(typeof(WorkflowPhase.Done), TypeInfoPropertyName = "WorkflowPhaseDone")]
[JsonSerializable(typeof(StepPhase.Running), TypeInfoPropertyName = "StepPhaseRunning")]
[JsonSerializable(typeof(WorkflowPhase.Running), TypeInfoPropertyName = "WorkflowPhaseRunning")]
[JsonSerializable(typeof(StepPhase.Waiting), TypeInfoPropertyName = "StepPhaseWaiting")]
[JsonSerializable(typeof(WorkflowPhase.Waiting), TypeInfoPropertyName = "WorkflowPhaseWaiting")]
public sealed partial class RunJson : JsonSerializerContext;
