using System.Collections.Concurrent;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Planning;

namespace BuildRunner.Agent.Steps;

/// <summary>The images of one run: each is resolved once, so that a tag means the same digest in every step.</summary>
/// <param name="engine">Pulls them.</param>
/// <param name="options">How this run resolves.</param>
public sealed class RunImages(IContainerEngine engine, RunImageOptions options)
{
    private readonly ConcurrentDictionary<string, Task<ResolvedImage>> resolved = new(StringComparer.Ordinal);

    /// <summary>Resolves what was written after <c>image:</c>. A failure is not remembered.</summary>
    /// <exception cref="ContainerException">It is no image reference, not allowed here, or cannot be had.</exception>
    public Task<ResolvedImage> ResolveAsync(string text, bool always, StepPolicy policy, CancellationToken cancellationToken) =>
        ResolveAsync(text, always, policy, digest: null, cancellationToken);

    /// <summary>Resolves what was written after <c>image:</c> to the digest that the run has used before, if there is one.</summary>
    /// <exception cref="ContainerException">It is no image reference, not allowed here, or cannot be had.</exception>
    internal async Task<ResolvedImage> ResolveAsync(string text, bool always, StepPolicy policy, string? digest, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        var reference = Parse(options.Map.GetValueOrDefault(text, text));
        if (reference.IsMutable && Digest.TryParse(digest ?? "", out var pinned))
        {
            reference = reference.WithDigest(pinned);
        }

        Check(reference, policy);

        // Whoever waits may give up; the pull goes on for the others.
        var pull = resolved.GetOrAdd(reference.ToString(), _ => PullAsync(reference, always));
        try
        {
            return await pull.WaitAsync(cancellationToken);
        }
        catch (ContainerException failure)
        {
            resolved.TryRemove(KeyValuePair.Create(reference.ToString(), pull));
            if (failure.Reason is ContainerFailure.AccessDenied or ContainerFailure.ImageNotFound && reference.Transport == ImageTransport.Docker && options.Advice?.Invoke(reference) is { } advice)
            {
                throw new ContainerException(failure.Reason, $"{failure.Message.TrimEnd('.')}. {advice}", failure.IsTransient, failure);
            }

            throw;
        }
    }

    /// <summary>Fetches or builds the image of a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="digest">The digest that the run has used before; null if there is none.</param>
    /// <param name="workspace">Gives the folder of this host that shows the working tree as it is now; null: there is none.</param>
    /// <param name="policy">What is allowed.</param>
    /// <param name="output">Gets what a builder prints, a line at a time.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ContainerException">It cannot be had or built, or is not allowed.</exception>
    internal Task<ResolvedImage> ResolveAsync(StepPlan step, string? digest, Func<CancellationToken, Task<string?>> workspace, StepPolicy policy, Action<string>? output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(step);
        return step.Build is { } build
            ? BuildAsync(build, workspace, policy, output, cancellationToken)
            : ResolveAsync(step.Image, step.AlwaysPull, policy, digest, cancellationToken);
    }

    // Each time anew: a step before may have changed what goes into it. What did not change comes from the engine's cache.
    private async Task<ResolvedImage> BuildAsync(ImageBuildPlan build, Func<CancellationToken, Task<string?>> workspace, StepPolicy policy, Action<string>? output, CancellationToken cancellationToken)
    {
        if (!policy.AllowImageBuilds)
        {
            throw new ContainerException(
                ContainerFailure.AccessDenied, $"The image of '{build.Directory}' is not built here: an administrator has to allow builds (Engine:AllowImageBuilds), because their commands run outside of BuildRunner's isolation.");
        }

        var tree = await workspace(cancellationToken) ?? options.BaseDirectory ?? throw new ContainerException(ContainerFailure.InvalidSpec, $"There is no workspace on this host to build the image of '{build.Directory}' from.");
        return await engine.BuildAsync(
            new ImageBuild(Path.GetFullPath(build.Directory, tree))
            {
                File = build.File is { } file ? Path.GetFullPath(file, tree) : null,
                Within = tree,
                DisplayName = build.Directory,
                Arguments = build.Arguments,
                Target = build.Target,
            },
            output,
            cancellationToken);
    }

    private Task<ResolvedImage> PullAsync(ImageReference reference, bool always)
    {
        var policy = options.Pull ?? (always ? PullPolicy.Always : PullPolicy.Missing);
        return engine.PullAsync(reference, (options.Login?.Invoke(reference) ?? new PullOptions()) with { Policy = policy }, options.Progress?.Invoke(reference), options.Stop);
    }

    private ImageReference Parse(string text) =>
        ImageReference.TryParse(text, options.BaseDirectory, out var reference, out var problem)
            ? reference
            : throw new ContainerException(ContainerFailure.InvalidImage, $"'{text}' is not an image: {problem}");

    // A tree counts as it is listed; an archive or layout as a file does that lies in one that is, whatever links lead to it.
    private static void Check(ImageReference image, StepPolicy policy)
    {
        var allowed = image.Transport == ImageTransport.Docker || policy.AllowedRootFileSystems.Contains("*") || (image.Transport == ImageTransport.RootFileSystem
            ? policy.AllowedRootFileSystems.Any(root => Path.TrimEndingDirectorySeparator(root) == image.Location)
            : policy.AllowedRootFileSystems.Any(root => HostPath.IsAtOrBelow(HostPath.WithoutLinks(image.Location), HostPath.WithoutLinks(Path.GetFullPath(root)))));
        if (!allowed)
        {
            var what = image.Transport == ImageTransport.RootFileSystem ? image.Location : Path.GetDirectoryName(image.Location);
            throw new ContainerException(
                ContainerFailure.AccessDenied,
                $"'{image}' is not allowed here; an administrator can list '{what}' in Engine:AllowedRootFileSystems"
                + (image.Transport == ImageTransport.RootFileSystem && policy.AllowedRootFileSystems.Count > 0 ? ", which allows exactly what it lists, and nothing below that" : ""));
        }
    }
}

/// <summary>How a run resolves images.</summary>
/// <param name="BaseDirectory">Relative paths start here; null: they must be absolute.</param>
/// <param name="Map">Replacements, by the text after <c>image:</c>.</param>
/// <param name="Pull">Stronger than what steps say; null: they decide.</param>
/// <param name="Progress">Hears how far a pull is.</param>
/// <param name="Stop">Ends every pull.</param>
public sealed record RunImageOptions(
    string? BaseDirectory,
    IReadOnlyDictionary<string, string> Map,
    PullPolicy? Pull,
    Func<ImageReference, IProgress<PullProgress>?>? Progress,
    CancellationToken Stop)
{
    /// <summary>What a pull shows to the registry; null: what this host's credential files hold.</summary>
    public Func<ImageReference, PullOptions>? Login { get; init; }

    /// <summary>What may be done about an image that the registry does not give, as a sentence; null: nothing more than its message says.</summary>
    public Func<ImageReference, string>? Advice { get; init; }
}
