using BuildRunner.Cli.Output;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>Tells a view how far the pulls of a run are, with the steps that use the image.</summary>
internal sealed class PullWatch
{
    private readonly IRunView view;
    private readonly ILookup<string, (string Workflow, string Step)> users;

    public PullWatch(RunPlan plan, string tree, IReadOnlyDictionary<string, string> map, IRunView view)
    {
        this.view = view;
        users = plan.Workflows
            .SelectMany(w => w.Services.Concat(w.Steps).Where(s => s.SkipReason is null).Select(s => (Image: ImageOf(map.GetValueOrDefault(s.Image, s.Image), tree), Step: (w.Name, s.Name))))
            .ToLookup(u => u.Image, u => u.Step, StringComparer.Ordinal);
    }

    /// <summary>Hears of the pull of an image; null if no step of the plan names it.</summary>
    public IProgress<PullProgress>? Of(ImageReference image)
    {
        var steps = users[image.ToString()].ToList();
        return steps.Count == 0 ? null : new Listener(view, image.ToString(), steps);
    }

    private static string ImageOf(string text, string tree) => ImageReference.TryParse(text, tree, out var image, out _) ? image.ToString() : text;

    private sealed class Listener(IRunView view, string image, IReadOnlyList<(string Workflow, string Step)> steps) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => view.ShowPull(new ImagePull(image, steps, value));
    }
}
