using System.Text.Json.Serialization;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Reads the little of a Dockerfile that must be known before it is built.</summary>
internal static class Dockerfiles
{
    /// <summary>The images that stages begin from, as far as they are written out: no stages, no variables.</summary>
    public static IReadOnlyList<ImageReference> BasesOf(string text)
    {
        var stages = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "scratch" };
        var images = new List<ImageReference>();
        foreach (var line in text.Split('\n').Select(line => line.Trim()))
        {
            string[] words = [.. line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Where(word => !word.StartsWith("--", StringComparison.Ordinal))];
            if (words.Length < 2 || !words[0].Equals("FROM", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            if (!stages.Contains(words[1]) && !words[1].Contains('$', StringComparison.Ordinal)
                && ImageReference.TryParse(words[1], null, out var image, out _) && image.Transport == ImageTransport.Docker)
            {
                images.Add(image);
            }

            if (words.Length >= 4 && words[2].Equals("AS", StringComparison.OrdinalIgnoreCase))
            {
                stages.Add(words[3]);
            }
        }

        return [.. images.Distinct()];
    }
}

/// <summary>A login as the header <c>X-Registry-Config</c> wants it.</summary>
internal sealed record BuildLogin([property: JsonPropertyName("username")] string? User, [property: JsonPropertyName("password")] string? Password);

/// <summary>A login as the header <c>X-Registry-Auth</c> wants it.</summary>
internal sealed record PushLogin(
    [property: JsonPropertyName("username")] string? User,
    [property: JsonPropertyName("password")] string? Password,
    [property: JsonPropertyName("serveraddress")] string? Server,
    [property: JsonPropertyName("identitytoken")] string? Token);

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PushLogin))]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(Dictionary<string, BuildLogin>))]
internal sealed partial class DockerBuildJson : JsonSerializerContext;
