using System.Text.Json.Serialization;

namespace BuildRunner.Containers.Registry;

/// <summary>An error's body.</summary>
internal sealed record ErrorsJson(IReadOnlyList<ErrorJson?>? Errors);

/// <summary>One error.</summary>
internal sealed record ErrorJson(string? Code, string? Message);

/// <summary>A token server's answer.</summary>
internal sealed record TokenJson(
    string? Token,
    [property: JsonPropertyName("access_token")] string? AccessToken,
    [property: JsonPropertyName("expires_in")] int? ExpiresIn);

/// <summary>Docker's <c>config.json</c> and Podman's <c>auth.json</c>.</summary>
internal sealed record CredentialFileJson
{
    public IReadOnlyDictionary<string, AuthJson?>? Auths { get; init; }

    public IReadOnlyDictionary<string, string>? CredHelpers { get; init; }

    public string? CredsStore { get; init; }
}

/// <summary>The credentials of one registry in such a file; <c>auth</c> is <c>user:password</c> in base 64.</summary>
internal sealed record AuthJson
{
    public string? Auth { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    [JsonPropertyName("identitytoken")]
    public string? IdentityToken { get; init; }
}

/// <summary>What a credential helper prints.</summary>
internal sealed record HelperJson
{
    [JsonPropertyName("Username")]
    public string? Username { get; init; }

    [JsonPropertyName("Secret")]
    public string? Secret { get; init; }
}

/// <summary>Reads what registries and credential files say.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ErrorsJson))]
[JsonSerializable(typeof(TokenJson))]
[JsonSerializable(typeof(CredentialFileJson))]
[JsonSerializable(typeof(HelperJson))]
internal sealed partial class RegistryJson : JsonSerializerContext;
