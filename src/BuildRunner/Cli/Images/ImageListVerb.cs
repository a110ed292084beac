using System.CommandLine;
using System.Text.Json;
using BuildRunner.Cli.Output;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Cli.Images;

/// <summary><c>image ls</c></summary>
internal static class ImageListVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var json = ImageVerbs.Json();
        var command = new Command("ls", "what is here") { json };
        command.Aliases.Add("list");
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var list = await images.ListAsync(cancellationToken);
            here.Print(parsed.GetValue(json)
                ? JsonSerializer.Serialize([.. list.Select(ImageRow.From)], ImageJson.Default.IReadOnlyListImageRow) + "\n"
                : parsed.GetValue(globals.Quiet) ? string.Concat(list.Select(image => image.Name + "\n"))
                : Table(list, here.Time.GetUtcNow(), globals.OutputStyleOf(parsed, here)));
            return ExitCode.Success;
        }));
        return command;
    }

    private static string Table(IReadOnlyList<StoredImage> images, DateTimeOffset now, Style style)
    {
        if (images.Count == 0)
        {
            return "no images here yet; 'buildrunner image pull IMAGE' loads one\n";
        }

        return TextTable.Of(style, ["IMAGE", "DIGEST", "LAYERS", "SIZE", "USED"], images.Select(image => (string[])
        [
            image.Name, image.Manifest.Hex[..12], image.Layers?.ToString() ?? "-", SizeText.Of(image.Bytes), image.LastUsedAt is { } used ? $"{SizeText.Of(now - used)} ago" : "-",
        ]));
    }
}
