using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Steps;

/// <summary>The files of this host to which one attempt writes what is read after its end.</summary>
/// <param name="Outputs">Its outputs.</param>
/// <param name="Summary">What people shall read about it.</param>
internal sealed record StepFiles(OutputsFile Outputs, ScratchFile Summary) : IDisposable
{
    /// <summary>Where the container sees them.</summary>
    public IEnumerable<HostMount> Mounts =>
    [
        new HostMount(Summary.Path, SummaryFile.Target, ReadOnly: false) { BeginsEmpty = true },
        new HostMount(Outputs.Path, StepEnvironment.OutputFile, ReadOnly: false) { BeginsEmpty = true },
    ];

    /// <summary>Makes them.</summary>
    public static StepFiles Create(string directory) => Create(directory, OutputsFile.Create(directory));

    /// <summary>Makes what is missing beside an outputs file.</summary>
    public static StepFiles Create(string directory, OutputsFile outputs) => new(outputs, ScratchFile.Create(directory, "summary"));

    public void Dispose()
    {
        Outputs.Dispose();
        Summary.Dispose();
    }
}
