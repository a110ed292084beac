using System.CommandLine;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Cli.Images;

/// <summary><c>image export IMAGE -o FILE</c></summary>
internal static class ImageExportVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var name = new Argument<string>("IMAGE") { Description = "an image that is here" };
        var output = new Option<string>("--output", "-o") { Description = "the file to write; the folder for the format oci; - for standard output", HelpName = "FILE", Required = true };
        var format = new Option<string>("--format") { Description = "oci-archive, docker-archive (for docker load), or oci for a folder", DefaultValueFactory = _ => "oci-archive" }
            .Among("oci-archive", "docker-archive", "oci");
        var command = new Command("export", "write an image to a file, for other tools and hosts") { name, output, format };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var path = parsed.GetValue(output)!;
            var export = new ImageExport
            {
                Format = parsed.GetValue(format) switch
                {
                    "docker-archive" => ImageFormat.DockerArchive,
                    "oci" => ImageFormat.OciLayout,
                    _ => ImageFormat.OciArchive,
                },
                Path = path == "-" ? null : Path.GetFullPath(path, here.Directory),
                Output = path == "-" ? here.Output : null,
            };
            if (path == "-" && here.Terminal.OutputIsTerminal)
            {
                throw new CliException(ExitCode.Usage, "standard output is a terminal; an archive would do it no good. Write to a file, or into a pipe");
            }

            await images.ExportAsync(ImageVerbs.Parse(parsed.GetValue(name)!, here), export, cancellationToken);
            return ExitCode.Success;
        }));
        return command;
    }
}
