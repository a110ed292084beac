using System.CommandLine;
using System.Text.Json;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.Runs;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Images;

/// <summary><c>image prune</c></summary>
internal static class ImagePruneVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var all = new Option<bool>("--all", "-a") { Description = "every image that no run uses" };
        var unused = new Option<string>("--unused-for") { Description = "images not used for this long, as 30m, 12h or 7d", HelpName = "TIME" };
        var keep = new Option<string>("--keep") { Description = "the longest unused, until no more than this is left, as 20GiB", HelpName = "SIZE" };
        var free = new Option<string>("--free") { Description = "the longest unused, until this much of the disk is free", HelpName = "SIZE" };
        var json = ImageVerbs.Json();
        var command = new Command("prune", "remove what no image needs, or images as well") { all, unused, keep, free, json };
        command.SetAction((parsed, _) => ImageVerbs.WithImagesAsync(parsed, host, globals, async (images, here, cancellationToken) =>
        {
            var result = await images.PruneAsync(
                new PruneOptions
                {
                    UnusedFor = parsed.GetValue(all) ? TimeSpan.Zero : Duration(parsed.GetValue(unused)),
                    MostBytes = Size(parsed.GetValue(keep)),
                    LeastFreeBytes = Size(parsed.GetValue(free)),
                    // Whoever types this means it.
                    Spared = TimeSpan.Zero,
                },
                cancellationToken);
            here.Print(parsed.GetValue(json)
                ? JsonSerializer.Serialize(new PruneRow(result.Images, result.Layers, result.Bytes), ImageJson.Default.PruneRow) + "\n"
                : string.Concat(result.Images.Select(image => image + "\n")) + $"{Counts.Of(result.Images.Count, "image")}, {Counts.Of(result.Layers, "layer")} removed, {SizeText.Of(result.Bytes)} freed\n");
            return ExitCode.Success;
        }));
        return command;
    }

    private static TimeSpan? Duration(string? text) => text is null ? null
        : SettingText.TryDuration(text, out var duration) ? duration
        : throw new CliException(ExitCode.Usage, $"--unused-for {text}: not a time, as 30m, 12h or 7d");

    private static long? Size(string? text) => text is null ? null
        : SettingText.TrySize(text, out var bytes) ? bytes
        : throw new CliException(ExitCode.Usage, $"'{text}' is not a size, as 512MiB or 20GiB");
}
