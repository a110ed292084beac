using BuildRunner.Cli.Images;
using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Output;

/// <summary>How far the pull of an image is, which steps may wait for.</summary>
/// <param name="Image">The image, as a person would write it.</param>
/// <param name="Steps">Workflow and name of each step that uses it, in the order of the plan.</param>
/// <param name="Progress">How far it is.</param>
internal sealed record ImagePull(string Image, IReadOnlyList<(string Workflow, string Step)> Steps, PullProgress Progress)
{
    /// <summary>In a few words; null if there is nothing to say: nothing is loaded.</summary>
    public string? Text => Progress switch
    {
        { Phase: PullPhase.Resolving } => "asks for its image",
        { Phase: PullPhase.Done } => null,
        { TotalBytes: > 0 } => $"image {Percent}%, {SizeText.Of(Progress.Bytes)} of {SizeText.Of(Progress.TotalBytes)}",
        { Layers: > 0 } => $"image {Progress.LayersDone} of {Progress.Layers} layers",
        _ => "image",
    };

    private long Percent => Math.Clamp(Progress.Bytes * 100 / Progress.TotalBytes, 0, 100);
}
