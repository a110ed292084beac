using BuildRunner.Agent.Output;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Steps;

/// <summary>Gets a run's source for a clone step that names no image of its own.</summary>
public interface ICheckout
{
    /// <summary>Brings the source to this host, and says with which container it gets into the workspace.</summary>
    /// <param name="attempt">The clone step.</param>
    /// <param name="environment">The step's environment, complete.</param>
    /// <param name="log">Told what is done.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The container; null: this step names an image, and is a step as any other.</returns>
    /// <exception cref="ContainerException">The source cannot be had.</exception>
    Task<CheckoutContainer?> PrepareAsync(StepAttempt attempt, IReadOnlyDictionary<string, string> environment, IStepLog log, CancellationToken cancellationToken);
}

/// <summary>The container that brings a source into the workspace.</summary>
/// <param name="Image">The image, as it would be written.</param>
/// <param name="Command">What it executes.</param>
/// <param name="Environment">Its environment; replaces the step's.</param>
/// <param name="Files">Files that it gets.</param>
/// <param name="Mounts">Directories of this host that it gets.</param>
public sealed record CheckoutContainer(
    string Image,
    IReadOnlyList<string> Command,
    IReadOnlyDictionary<string, string> Environment,
    IReadOnlyList<InjectedFile> Files,
    IReadOnlyList<HostMount> Mounts);
