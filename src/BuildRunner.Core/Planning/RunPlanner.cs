using System.Globalization;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Reading;

namespace BuildRunner.Core.Planning;

/// <summary>Plans the files of one run. Made for one run.</summary>
/// <param name="runEvent">What the run is for.</param>
/// <param name="diagnostics">Where problems go.</param>
internal sealed class RunPlanner(RunEvent runEvent, DiagnosticBag diagnostics)
{
    private readonly Dictionary<string, string> runVariables = Variables(runEvent);
    private readonly SubstitutionBudget budget = new();
    private readonly WorkflowNames names = new(diagnostics);
    private readonly List<WorkflowPlan> workflows = [];
    private readonly List<(string Name, IReadOnlyList<DependencyFile> DependsOn)> files = [];
    private readonly HashSet<string> knownInputs = new(StringComparer.Ordinal);
    private readonly List<ReadFile> read = [];
    private string? firstFile;

    /// <summary>The files that were read, in order.</summary>
    public IReadOnlyList<ReadFile> Read => read;

    /// <summary>Reads and plans a file.</summary>
    public void Add(PipelineSource source)
    {
        firstFile ??= source.Path;
        if (PipelineDocument.Read(source, diagnostics) is not { } document || !names.Add(document))
            return;
        var inputs = InputValues.Resolve(document.Root, runEvent, runVariables, diagnostics);
        knownInputs.UnionWith(InputRules.Bind(document.Root).Select(input => input.Name));
        var cells = MatrixCells.Expand(document.Root, diagnostics);
        IReadOnlyList<DependencyFile>? dependsOn = null;
        for (var i = 0; i < cells.Count; i++)
        {
            var cell = Cell(document, inputs, cells[i], cells.Count > 1 ? i + 1 : null);
            if (i == 0)
                read.Add(new ReadFile(document, cells, cell.Variables));
            var file = document.Bind(cell.Variables, diagnostics);
            dependsOn ??= file.DependsOn;
            workflows.Add(new WorkflowPlanner(cell, diagnostics).Plan(file));
        }
        if (dependsOn is not null)
            files.Add((document.WorkflowName, dependsOn));
    }

    /// <summary>The workflows, once every file is added.</summary>
    public IReadOnlyList<WorkflowPlan> Finish()
    {
        foreach (var name in runEvent.Inputs.Keys.Where(name => firstFile is not null && !knownInputs.Contains(name)))
        {
            var near = Nearest.To(name, knownInputs);
            diagnostics.Error(DiagnosticCodes.BadInput, new SourceLocation(firstFile!, 1, 1), $"there is no input `{name}`", near is null ? "Inputs are declared under `inputs`" : $"Did you mean `{near}`?");
        }
        WorkflowOrder.Check(files, diagnostics);
        return WorkflowOrder.Resolve(workflows);
    }

    private WorkflowCell Cell(PipelineDocument document, IReadOnlyDictionary<string, string> inputs, IReadOnlyDictionary<string, string> matrix, int? number)
    {
        var name = document.WorkflowName;
        var place = workflows.Count + 1;
        var shared = new Dictionary<string, string>(runVariables, StringComparer.Ordinal);
        foreach (var (key, value) in inputs)
            shared[key] = value;
        var values = new Dictionary<string, string>(shared, StringComparer.Ordinal);
        foreach (var (key, value) in CiVariables.ForWorkflow(name, place).Concat(matrix))
            values[key] = value;
        var rules = document.Root.Map("matrix");
        return new WorkflowCell
        {
            Name = number is null ? name : string.Create(CultureInfo.InvariantCulture, $"{name}/{number}"),
            BaseName = name,
            Number = place,
            Event = runEvent,
            RunVariables = shared,
            Variables = new VariableScope(values, matrix.Keys.ToHashSet(StringComparer.Ordinal), budget),
            Matrix = matrix,
            MatrixRules = rules is null ? null : new MatrixPlan(name, rules.Whole("max_parallel"), rules.Flag("fail_fast") ?? false),
        };
    }

    private static Dictionary<string, string> Variables(RunEvent runEvent)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in CiVariables.ForRun(runEvent, new RunFacts()).Concat(runEvent.Variables))
            variables[name] = EnvironmentLimit.Data(value);
        return variables;
    }
}

/// <summary>Validates files without an event. Made for one call.</summary>
/// <param name="diagnostics">Where problems go.</param>
internal sealed class RunLinter(DiagnosticBag diagnostics)
{
    private readonly WorkflowNames names = new(diagnostics);
    private readonly List<(string Name, IReadOnlyList<DependencyFile> DependsOn)> files = [];

    /// <summary>Reads and checks a file.</summary>
    public void Add(PipelineSource source)
    {
        if (PipelineDocument.Read(source, diagnostics) is not { } document || !names.Add(document))
            return;
        MatrixCells.Expand(document.Root, diagnostics);
        files.Add((document.WorkflowName, document.Bind(null, diagnostics).DependsOn));
    }

    /// <summary>Checks what joins the files, once every file is added.</summary>
    public void Finish()
    {
        // A single file may be one of several, so nothing can be said of workflows that it names.
        if (files.Count > 1)
            WorkflowOrder.Check(files, diagnostics);
    }
}

/// <summary>Sees to it that no two files make a workflow of the same name.</summary>
internal sealed class WorkflowNames(DiagnosticBag diagnostics)
{
    private readonly Dictionary<string, string> files = new(StringComparer.Ordinal);

    /// <summary>Notes a file's name; false if it is taken, which is reported.</summary>
    public bool Add(PipelineDocument document)
    {
        if (files.TryAdd(document.WorkflowName, document.Path))
            return true;
        diagnostics.Error(DiagnosticCodes.DuplicateName, document.Root.Location, $"there is already a workflow `{document.WorkflowName}`, in {files[document.WorkflowName]}", "Give one of the files another name");
        return false;
    }
}
