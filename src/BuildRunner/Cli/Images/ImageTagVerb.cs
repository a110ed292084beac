using System.CommandLine;

namespace BuildRunner.Cli.Images;

/// <summary><c>image tag IMAGE NAME</c></summary>
internal static class ImageTagVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var name = new Argument<string>("IMAGE") { Description = "an image that is here" };
        var other = new Argument<string>("NAME") { Description = "what it is to be called as well" };
        var command = new Command("tag", "give an image another name") { name, other };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var fresh = ImageVerbs.Parse(parsed.GetValue(other)!, here);
            await images.TagAsync(ImageVerbs.Parse(parsed.GetValue(name)!, here), fresh, cancellationToken);
            here.Print(fresh + "\n");
            return ExitCode.Success;
        }));
        return command;
    }
}
