using System.CommandLine;
using BuildRunner.Core.Pipelines;

namespace BuildRunner.Cli;

/// <summary><c>schema</c>: the JSON schema of pipeline files, for editors.</summary>
internal static class SchemaVerb
{
    public static Command Create(CliHost host)
    {
        var command = new Command("schema", "the JSON schema of pipeline files, for editors");
        command.SetAction(_ => host.Print(PipelineSchema.ToJson().TrimEnd('\n') + "\n"));
        return command;
    }
}
