using System.Text.Json;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Core.Tests.Pipelines;

public sealed class PipelineSchemaTests
{
    [Fact]
    public void The_schema_has_every_key_with_its_description_and_no_others()
    {
        using var schema = JsonDocument.Parse(PipelineSchema.ToJson());
        Compare(schema.RootElement, WorkflowKeys.Workflow);
        var step = schema.RootElement.GetProperty("properties").GetProperty("steps").GetProperty("anyOf")[0].GetProperty("additionalProperties");
        Compare(step, StepKeys.Step);
        Assert.Equal("image", Assert.Single(step.GetProperty("required").EnumerateArray()).GetString());
    }

    private static void Compare(JsonElement schema, KeyGroup group)
    {
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal(group.Keys.Select(key => key.Name), schema.GetProperty("properties").EnumerateObject().Select(property => property.Name));
        foreach (var key in group.Keys)
            Assert.StartsWith(key.Description, schema.GetProperty("properties").GetProperty(key.Name).GetProperty("description").GetString(), StringComparison.Ordinal);
    }
}
