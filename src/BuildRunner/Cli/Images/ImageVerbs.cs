using System.CommandLine;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Images;

/// <summary><c>image …</c>: the images of this host.</summary>
internal static class ImageVerbs
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var command = new Command("image", "the images of this host: pull, list, remove …")
        {
            ImagePullVerb.Create(host, globals),
            ImageListVerb.Create(host, globals),
            ImageRemoveVerb.Create(host, globals),
            ImageInspectVerb.Create(host, globals),
            ImagePruneVerb.Create(host, globals),
        };
        command.Aliases.Add("images");
        return command;
    }

    /// <summary>The argument that names images.</summary>
    public static Argument<string[]> Names() => new("IMAGE") { Description = "what docker pull takes", Arity = ArgumentArity.OneOrMore };

    /// <summary>The option for output that programs read.</summary>
    public static Option<bool> Json() => new("--json") { Description = "print JSON" };

    /// <summary>Reads what a person wrote as an image.</summary>
    public static ImageReference Parse(string text, CliHost host) =>
        ImageReference.TryParse(text, host.Directory, out var reference, out var problem)
            ? reference
            : throw new CliException(ExitCode.Usage, $"'{text}' is not an image: {problem}");

    /// <summary>Does something with the store.</summary>
    public static async Task<int> WithStoreAsync(
        ParseResult parsed, CliHost host, GlobalOptions globals, Func<ImageStore, CliHost, EffectiveSettings, CancellationToken, Task<ExitCode>> act)
    {
        var applied = globals.Apply(parsed, host);
        var settings = globals.SettingsOf(parsed, applied);
        using var store = ImageStores.Open(settings, applied);
        try
        {
            using var stop = new CancellationTokenSource();
            using var listening = applied.Signals.Listen(_ => stop.Cancel());
            return (int)await act(store, applied, settings, stop.Token);
        }
        catch (ContainerException problem) when (problem.Reason == ContainerFailure.AccessDenied)
        {
            throw new CliException(ExitCode.NotAllowed, problem.Message);
        }
    }

    /// <summary>The error for an image that the store does not know.</summary>
    public static ContainerException NotHere(ImageReference image) =>
        new(ContainerFailure.ImageNotFound, $"The image {image} is not on this host. 'buildrunner image ls' lists those that are.");
}
