using System.CommandLine;

namespace BuildRunner.Cli.Images;

/// <summary><c>image commit CONTAINER NAME</c></summary>
internal static class ImageCommitVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var container = new Argument<string>("CONTAINER") { Description = "a step whose container 'run --keep' kept, or the container's id" };
        var name = new Argument<string>("NAME") { Description = "what the image is to be called" };
        var command = new Command("commit", "make an image of the state of a kept container") { container, name };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var image = await images.CommitAsync(parsed.GetValue(container)!, ImageVerbs.Parse(parsed.GetValue(name)!, here), cancellationToken);
            here.Print(image.DisplayName + "\n");
            return ExitCode.Success;
        }));
        return command;
    }
}
