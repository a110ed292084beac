using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Reading;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines;

/// <summary>A file as it was read: YAML, nothing checked or substituted yet.</summary>
/// <param name="Path">The file's path.</param>
/// <param name="Root">What it holds.</param>
internal sealed record PipelineDocument(string Path, YamlNode.Mapping Root)
{
    /// <summary>Reads a file; null if it is no pipeline, with the reason in the bag.</summary>
    public static PipelineDocument? Read(PipelineSource source, DiagnosticBag diagnostics)
    {
        var problems = new DiagnosticBag();
        var root = YamlTreeReader.Read(source.Path, source.Content.Span, problems);
        problems.MoveTo(diagnostics);
        if (root is YamlNode.Mapping mapping)
            return new PipelineDocument(source.Path, mapping);
        if (!problems.HasErrors)
        {
            var message = root is null or { IsNull: true } ? "the file is empty" : $"a pipeline is a mapping, not {root.Description}";
            diagnostics.Error(DiagnosticCodes.NotAPipeline, root?.Location ?? new SourceLocation(source.Path, 1, 1), message, "A pipeline has at least `steps:`");
        }
        return null;
    }

    /// <summary>Checks the document and makes it typed.</summary>
    /// <param name="variables">What to substitute; null: nothing is known yet.</param>
    /// <param name="diagnostics">Where problems go.</param>
    public PipelineFile Bind(VariableScope? variables, DiagnosticBag diagnostics)
    {
        var root = (YamlNode.Mapping)new ShapeChecker(variables, NameRules.Of(Root, variables, diagnostics), diagnostics).Check(Root, WorkflowKeys.File, "a workflow");
        var file = PipelineBinder.Bind(root, Path);
        FileRules.Check(file, root, diagnostics);
        InputRules.Check(root, diagnostics);
        foreach (var key in new[] { "steps", "pipeline", "services", "clone" })
            StepRules.CheckEnvironmentLists(root.Get(key), diagnostics);
        return file;
    }

    /// <summary>The name of the workflow: the file's, without folder, leading dots and extension.</summary>
    public string WorkflowName
    {
        get
        {
            var name = Path[(Path.LastIndexOfAny(['/', '\\']) + 1)..];
            foreach (var extension in new[] { ".yml", ".yaml" })
            {
                if (name.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
                    name = name[..^extension.Length];
            }
            return name.TrimStart('.') is { Length: > 0 } plain ? plain : name;
        }
    }
}
