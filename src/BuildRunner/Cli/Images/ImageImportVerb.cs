using System.CommandLine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Cli.Images;

/// <summary><c>image import FILE|- [NAME]</c></summary>
internal static class ImageImportVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var file = new Argument<string>("FILE") { Description = "an archive of images (OCI, docker save) or of a file system, a folder with an OCI layout, or - for standard input" };
        var name = new Argument<string?>("NAME") { Description = "what the image is to be called; what the file says if not given", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("import", "take over images out of files") { file, name };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var called = parsed.GetValue(name) is { } text ? ImageVerbs.Parse(text, here) : null;
            if (called is { Transport: not ImageTransport.Docker } or { Digest: not null })
            {
                throw new CliException(ExitCode.Usage, $"'{called}' cannot be a name: it must be what docker pull takes, without a digest");
            }

            var import = Source(parsed.GetValue(file)!, here) with { Name = called };
            foreach (var image in await images.ImportAsync(import, null, cancellationToken))
            {
                here.Print(image.DisplayName + "\n");
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static ImageImport Source(string text, CliHost host) =>
        text == "-" ? new ImageImport { Input = host.Input }
        : ImageReference.TryParse(text, host.Directory, out var reference, out _)
            && reference.Transport is ImageTransport.OciLayout or ImageTransport.OciArchive or ImageTransport.DockerArchive ? new ImageImport { Reference = reference }
        : new ImageImport { Path = Path.GetFullPath(text, host.Directory) };
}
