using System.CommandLine;

namespace BuildRunner.Cli.Images;

/// <summary><c>image inspect IMAGE</c></summary>
internal static class ImageInspectVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var name = new Argument<string>("IMAGE") { Description = "an image that is here" };
        var part = new Option<string>("--part") { Description = "all, or as received: config or manifest", DefaultValueFactory = _ => "all" }.Among("all", "config", "manifest");
        var command = new Command("inspect", "all that is known of an image, as JSON") { name, part };
        command.SetAction((parsed, _) => ImageVerbs.WithStoreAsync(parsed, host, globals, (store, here, _, _) =>
        {
            var image = ImageVerbs.Parse(parsed.GetValue(name)!, here);
            var details = store.Inspect(image) ?? throw ImageVerbs.NotHere(image);
            here.Output.Write(parsed.GetValue(part) switch
            {
                "config" => details.Config,
                "manifest" => details.Manifest,
                _ => details.ToJson(),
            });
            here.Print("\n");
            return Task.FromResult(ExitCode.Success);
        }));
        return command;
    }
}
