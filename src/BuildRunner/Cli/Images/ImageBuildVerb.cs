using System.CommandLine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Cli.Images;

/// <summary><c>image build DIR</c></summary>
internal static class ImageBuildVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var directory = new Argument<string>("DIR") { Description = "the folder that COPY reads from" };
        var file = new Option<string?>("--file", "-f") { Description = "the Dockerfile; DIR/Dockerfile if not given", HelpName = "FILE" };
        var name = new Option<string?>("--tag", "-t") { Description = "what the image is to be called", HelpName = "NAME" };
        var arguments = new Option<string[]>("--build-arg") { Description = "a value for ARG; repeatable", HelpName = "NAME=VALUE" };
        var target = new Option<string?>("--target") { Description = "the stage to stop at", HelpName = "STAGE" };
        var pull = new Option<bool>("--pull") { Description = "ask registries for the images that it begins from" };
        var noCache = new Option<bool>("--no-cache") { Description = "use nothing of earlier builds" };
        var command = new Command("build", "build an image from a Dockerfile, by a Docker or Podman engine") { directory, file, name, arguments, target, pull, noCache };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var build = new ImageBuild(Path.GetFullPath(parsed.GetValue(directory)!, here.Directory))
            {
                File = parsed.GetValue(file) is { } path ? Path.GetFullPath(path, here.Directory) : null,
                Name = parsed.GetValue(name) is { } text ? ImageVerbs.Parse(text, here) : null,
                Arguments = ParseArguments(parsed.GetValue(arguments) ?? [], here),
                Target = parsed.GetValue(target),
                Pull = parsed.GetValue(pull),
                NoCache = parsed.GetValue(noCache),
            };
            var image = await images.BuildAsync(build, parsed.GetValue(globals.Quiet) ? null : line => here.Say(line + "\n"), cancellationToken);
            here.Print((build.Name?.ToString() ?? image.StoreId ?? image.DisplayName) + "\n");
            return ExitCode.Success;
        }));
        return command;
    }

    // NAME alone takes the value from the environment, as docker build does.
    private static Dictionary<string, string> ParseArguments(string[] texts, CliHost host)
    {
        var arguments = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var equals = text.IndexOf('=');
            if (equals == 0 || text.Length == 0)
            {
                throw new CliException(ExitCode.Usage, $"--build-arg {text}: not NAME=VALUE");
            }

            var key = equals < 0 ? text : text[..equals];
            if (equals > 0)
            {
                arguments[key] = text[(equals + 1)..];
            }
            else if (host.Environment.TryGetValue(key, out var value))
            {
                arguments[key] = value;
            }
        }

        return arguments;
    }
}
