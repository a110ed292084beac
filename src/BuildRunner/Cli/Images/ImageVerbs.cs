using System.CommandLine;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Images;

/// <summary><c>image …</c>: the images of this host.</summary>
internal static class ImageVerbs
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var command = new Command("image", "the images of this host: pull, list, remove, import, export, push …")
        {
            ImagePullVerb.Create(host, globals),
            ImageListVerb.Create(host, globals),
            ImageInspectVerb.Create(host, globals),
            ImageTagVerb.Create(host, globals),
            ImageImportVerb.Create(host, globals),
            ImageExportVerb.Create(host, globals),
            ImagePushVerb.Create(host, globals),
            ImageCommitVerb.Create(host, globals),
            ImageBuildVerb.Create(host, globals),
            ImageRemoveVerb.Create(host, globals),
            ImagePruneVerb.Create(host, globals),
        };
        command.Aliases.Add("images");
        command.Add(Engine);
        return command;
    }

    /// <summary>Whose images; for every verb below <c>image</c>.</summary>
    private static Option<string?> Engine { get; } = MakeEngine();

    /// <summary>The argument that names images.</summary>
    public static Argument<string[]> Names() => new("IMAGE") { Description = "what docker pull takes", Arity = ArgumentArity.OneOrMore };

    /// <summary>The option for output that programs read.</summary>
    public static Option<bool> Json() => new("--json") { Description = "print JSON" };

    /// <summary>Reads what a person wrote as an image.</summary>
    public static ImageReference Parse(string text, CliHost host) =>
        ImageReference.TryParse(text, host.Directory, out var reference, out var problem)
            ? reference
            : throw new CliException(ExitCode.Usage, $"'{text}' is not an image: {problem}");

    /// <summary>Does something with the images of the chosen engine.</summary>
    public static async Task<int> WithImagesAsync(
        ParseResult parsed, CliHost host, GlobalOptions globals, Func<IImageLibrary, CliHost, CancellationToken, Task<ExitCode>> act)
    {
        var applied = globals.Apply(parsed, host);
        IEnumerable<KeyValuePair<string, string>>? flags = parsed.GetValue(Engine) is { } engine ? [new(SettingKeys.EngineKind, engine)] : null;
        var settings = globals.SettingsOf(parsed, applied, flags);
        applied.ReexecRootless?.Invoke(settings, applied, false);
        await using var images = ImageLibraries.Open(settings, applied);
        try
        {
            using var stop = new CancellationTokenSource();
            using var listening = applied.Signals.Listen(_ => stop.Cancel());
            return (int)await act(images, applied, stop.Token);
        }
        catch (ContainerException problem) when (problem.Reason == ContainerFailure.AccessDenied)
        {
            throw new CliException(ExitCode.NotAllowed, problem.Message);
        }
    }

    private static Option<string?> MakeEngine()
    {
        var option = new Option<string?>("--engine") { Description = "whose images: oci for BuildRunner's own, docker for a Docker or Podman engine's", HelpName = "ENGINE", Recursive = true };
        option.AcceptOnlyFromAmong("oci", "docker");
        return option;
    }

    /// <summary>The error for an image that the store does not know.</summary>
    public static ContainerException NotHere(ImageReference image) =>
        new(ContainerFailure.ImageNotFound, $"The image {image} is not on this host. 'buildrunner image ls' lists those that are.");
}
