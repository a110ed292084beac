using System.CommandLine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Images;

/// <summary><c>image pull IMAGE…</c></summary>
internal static class ImagePullVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var names = ImageVerbs.Names();
        var policy = new Option<string>("--policy") { Description = "when to ask the registry: always, missing or never", DefaultValueFactory = _ => "always" }
            .Among("always", "missing", "never");
        var command = new Command("pull", "load images") { names, policy };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var options = new PullOptions { Policy = Enum.Parse<PullPolicy>(parsed.GetValue(policy)!, ignoreCase: true) };
            foreach (var image in parsed.GetValue(names)!.Select(name => ImageVerbs.Parse(name, here)))
            {
                using var line = new PullLine(here, image, parsed.GetValue(globals.Quiet));
                var resolved = await images.PullAsync(image, options, line, cancellationToken);
                line.Dispose();
                here.Print(resolved.DisplayName + "\n");
            }

            return ExitCode.Success;
        }));
        return command;
    }
}
