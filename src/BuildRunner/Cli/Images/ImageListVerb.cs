using System.CommandLine;
using System.Text.Json;
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
        command.SetAction((parsed, _) => ImageVerbs.WithStoreAsync(parsed, host, globals, (store, here, _, _) =>
        {
            var images = store.List();
            here.Print(parsed.GetValue(json)
                ? JsonSerializer.Serialize([.. images.Select(ImageRow.From)], ImageJson.Default.IReadOnlyListImageRow) + "\n"
                : parsed.GetValue(globals.Quiet) ? string.Concat(images.Select(image => image.Name + "\n"))
                : Table(images, here.Time.GetUtcNow()));
            return Task.FromResult(ExitCode.Success);
        }));
        return command;
    }

    private static string Table(IReadOnlyList<StoredImage> images, DateTimeOffset now)
    {
        if (images.Count == 0)
        {
            return "no images here yet; 'buildrunner image pull IMAGE' loads one\n";
        }

        List<string[]> rows = [["IMAGE", "DIGEST", "LAYERS", "SIZE", "USED"]];
        rows.AddRange(images.Select(image => (string[])
        [
            image.Name, image.Manifest.Hex[..12], image.Layers.ToString(), SizeText.Of(image.Bytes), $"{SizeText.Of(now - image.LastUsedAt)} ago",
        ]));
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToList();
        return string.Concat(rows.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd() + "\n"));
    }
}
