using System.CommandLine;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Cli.Images;

/// <summary><c>image rm IMAGE…</c></summary>
internal static class ImageRemoveVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var names = ImageVerbs.Names();
        var command = new Command("rm", "remove images, and the layers that no other image needs") { names };
        command.Aliases.Add("remove");
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            foreach (var image in parsed.GetValue(names)!.Select(name => ImageVerbs.Parse(name, here)))
            {
                switch (await images.RemoveAsync(image, cancellationToken))
                {
                    case ImageRemoval.NotFound:
                        throw ImageVerbs.NotHere(image);
                    case ImageRemoval.InUse:
                        throw new ContainerException(ContainerFailure.ResourceExhausted, $"The image {image} is used by a run; it stays. Try again when the run has ended.");
                }

                here.Print(image + "\n");
            }

            return ExitCode.Success;
        }));
        return command;
    }
}
