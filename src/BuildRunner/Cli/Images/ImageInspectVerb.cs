using System.CommandLine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Images;

/// <summary><c>image inspect IMAGE</c></summary>
internal static class ImageInspectVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var name = new Argument<string>("IMAGE") { Description = "an image that is here" };
        var wanted = new Option<string>("--part") { Description = "all, or as received: config or manifest", DefaultValueFactory = _ => "all" }.Among("all", "config", "manifest");
        var command = new Command("inspect", "all that is known of an image, as JSON") { name, wanted };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var image = ImageVerbs.Parse(parsed.GetValue(name)!, here);
            var part = Enum.Parse<ImagePart>(parsed.GetValue(wanted)!, ignoreCase: true);
            here.Output.Write(await images.InspectAsync(image, part, cancellationToken) ?? throw ImageVerbs.NotHere(image));
            here.Print("\n");
            return ExitCode.Success;
        }));
        return command;
    }
}
