using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>One step or service in the live view.</summary>
internal sealed class LiveRow(string label, string workflow, StepPlan plan)
{
    /// <summary>How many lines of a running step are shown.</summary>
    public const int WindowLines = 6;

    private readonly Queue<string> window = new(WindowLines + 1);

    /// <summary>Its name in the output.</summary>
    public string Label => label;

    /// <summary>The workflow's name.</summary>
    public string Workflow => workflow;

    /// <summary>What was planned.</summary>
    public StepPlan Plan => plan;

    /// <summary>Where it is.</summary>
    public StepPhase Phase { get; set; } = new StepPhase.Waiting();

    /// <summary>Its last attempt that has ended; null if none has.</summary>
    public AttemptRecord? Last { get; set; }

    /// <summary>How far the pull of its image is; null: nothing is pulled.</summary>
    public string? Pull { get; set; }

    /// <summary>Its last lines.</summary>
    public IReadOnlyCollection<string> Window => window;

    /// <summary>Adds a line to the window.</summary>
    public void Add(string line)
    {
        window.Enqueue(line);
        if (window.Count > WindowLines)
        {
            window.Dequeue();
        }
    }

    /// <summary>A new attempt has an empty window.</summary>
    public void Clear() => window.Clear();
}
