using System.CommandLine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Cli.Images;

/// <summary><c>image push IMAGE [TARGET]</c></summary>
internal static class ImagePushVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var name = new Argument<string>("IMAGE") { Description = "an image that is here" };
        var target = new Argument<string?>("TARGET") { Description = "where to: registry, repository and tag; what the image is called if not given", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("push", "put an image into a registry") { name, target };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var image = ImageVerbs.Parse(parsed.GetValue(name)!, here);
            var to = parsed.GetValue(target) is { } text ? ImageVerbs.Parse(text, here) : image;
            if (to.Transport != ImageTransport.Docker)
            {
                throw new CliException(ExitCode.Usage, $"'{to}' is no place in a registry; say where to: buildrunner image push IMAGE REGISTRY/REPOSITORY:TAG");
            }

            using var line = new PushLine(here, to, parsed.GetValue(globals.Quiet));
            var digest = await images.PushAsync(image, to, new PushOptions(), line, cancellationToken);
            line.Dispose();
            here.Print((digest is { } known ? $"{to.WithoutDigest()}@{known}" : to.ToString()) + "\n");
            return ExitCode.Success;
        }));
        return command;
    }
}
