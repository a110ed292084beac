using System.Text.Json;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Images;

/// <summary>An image's configuration: what it says about running it, and the digests of its layers' archives, lowest first.</summary>
internal sealed record ImageConfigDocument(ImageConfig Config, ImagePlatform Platform, DateTimeOffset? Created, IReadOnlyList<Digest> DiffIds)
{
    // What Docker takes where a health check leaves something open.
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(30);
    private const int DefaultRetries = 3;

    // A path is no longer for the kernel, and a name is not for anybody; what is beyond would come back in every message.
    private const int LongestPath = 4095, LongestName = 256;

    /// <summary>Reads a configuration.</summary>
    /// <param name="bytes">As received.</param>
    /// <param name="source">What it is, for messages: "the configuration of alpine:3".</param>
    /// <exception cref="ContainerException">It is none.</exception>
    public static ImageConfigDocument Parse(ReadOnlySpan<byte> bytes, string source)
    {
        ImageConfigJson wire;
        try
        {
            wire = JsonSerializer.Deserialize(bytes, ImageJson.Default.ImageConfigJson) ?? throw ImageDocument.Corrupt(source, "is empty");
        }
        catch (JsonException exception)
        {
            throw ImageDocument.Corrupt(source, $"is not the JSON that it should be: {exception.Message}");
        }

        var diffIds = (wire.RootFileSystem?.DiffIds ?? []).Select(text =>
            Digest.TryParse(text, out var digest) ? digest : throw ImageDocument.Corrupt(source, "names a layer by something that is no digest")).ToList();
        var platform = new ImagePlatform(wire.Os is null or "" ? "linux" : wire.Os, wire.Architecture ?? "", wire.Variant is "" ? null : wire.Variant);
        return new ImageConfigDocument(ToConfig(wire.Config ?? new ContainerConfigJson(), platform, source), platform, wire.Created, diffIds);
    }

    private static ImageConfig ToConfig(ContainerConfigJson wire, ImagePlatform platform, string source) => new()
    {
        Entrypoint = Checked(wire.Entrypoint, source),
        Command = Checked(wire.Cmd, source),
        Environment = [.. Checked(wire.Env, source).Select(ToVariable)],
        User = Text(wire.User, nameof(wire.User), LongestName, source),
        WorkingDirectory = Text(wire.WorkingDir, nameof(wire.WorkingDir), LongestPath, source),
        StopSignal = Text(wire.StopSignal, nameof(wire.StopSignal), LongestName, source),
        HealthCheck = ToHealthCheck(wire.Healthcheck, source),
        Volumes = Checked([.. wire.Volumes?.Keys ?? []], source),
        ExposedPorts = Checked([.. wire.ExposedPorts?.Keys ?? []], source),
        Labels = wire.Labels ?? new Dictionary<string, string>(),
        OperatingSystem = platform.OperatingSystem,
        Architecture = platform.Architecture,
    };

    private static KeyValuePair<string, string> ToVariable(string text) =>
        text.IndexOf('=') is var equals and >= 0 ? new(text[..equals], text[(equals + 1)..]) : new(text, "");

    private static HealthCheck? ToHealthCheck(HealthCheckJson? wire, string source)
    {
        IReadOnlyList<string>? test = Checked(wire?.Test, source) switch
        {
            ["CMD-SHELL", .. var rest] => ["/bin/sh", "-c", string.Join(' ', rest)],
            ["CMD", .. var rest] when rest.Count > 0 => [.. rest],
            _ => null,
        };
        return wire is null || test is null
            ? null
            : new HealthCheck(
                test,
                ToTime(wire.Interval, DefaultInterval),
                ToTime(wire.Timeout, DefaultInterval),
                wire.Retries > 0 ? wire.Retries : DefaultRetries,
                ToTime(wire.StartPeriod, TimeSpan.Zero));
    }

    private static TimeSpan ToTime(long nanoseconds, TimeSpan ifNone) => nanoseconds > 0 ? TimeSpan.FromTicks(nanoseconds / 100) : ifNone;

    private static string? Text(string? text, string name, int longest, string source) => string.IsNullOrEmpty(text) ? null
        : text.Length > longest ? throw ImageDocument.Corrupt(source, $"has a {name} of {text.Length} characters; at most {longest} are allowed")
        : Checked([text], source)[0];

    // A NUL would cut the text short for the kernel, after everybody else has judged the whole of it.
    private static List<string> Checked(IReadOnlyList<string>? texts, string source) => (texts ?? []).Any(text => text is null || text.Contains('\0'))
        ? throw ImageDocument.Corrupt(source, "holds a text with a NUL")
        : [.. texts ?? []];
}
