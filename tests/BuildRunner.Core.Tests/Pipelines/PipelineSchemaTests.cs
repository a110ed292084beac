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
        var reference = schema.RootElement.GetProperty("properties").GetProperty("steps").GetProperty("anyOf")[0].GetProperty("additionalProperties").GetProperty("allOf")[0];
        Assert.Equal("#/definitions/step", reference.GetProperty("$ref").GetString());
        var step = schema.RootElement.GetProperty("definitions").GetProperty("step");
        Compare(step, StepKeys.Step);
        Assert.Equal("image", Assert.Single(step.GetProperty("required").EnumerateArray()).GetString());
    }

    // 'init' puts it into people's repositories.
    [Fact]
    public void The_schema_is_no_larger_than_a_file_that_is_read() => Assert.InRange(PipelineSchema.ToJson().Length, 10_000, 100_000);

    private static void Compare(JsonElement schema, KeyGroup group)
    {
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal(group.Keys.Select(key => key.Name), schema.GetProperty("properties").EnumerateObject().Select(property => property.Name));
        foreach (var key in group.Keys)
            Assert.StartsWith(key.Description, schema.GetProperty("properties").GetProperty(key.Name).GetProperty("description").GetString(), StringComparison.Ordinal);
    }
}
