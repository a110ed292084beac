using System.Net.Http.Headers;

namespace BuildRunner.Containers.Registry;

/// <summary>How a registry wants to be asked: <c>WWW-Authenticate</c> (RFC 9110, and the distribution specification's token scheme).</summary>
internal sealed record AuthorizationChallenge(bool IsBearer, string? Realm, string? Service)
{
    /// <summary>The challenge to follow: the token scheme before passwords; null if neither is offered.</summary>
    public static AuthorizationChallenge? Choose(HttpHeaderValueCollection<AuthenticationHeaderValue> headers)
    {
        var offered = headers.Take(8).ToList();
        if (offered.FirstOrDefault(header => Is(header, "Bearer")) is { } bearer)
        {
            var values = Parse(bearer.Parameter ?? "");
            return new AuthorizationChallenge(true, values.GetValueOrDefault("realm"), values.GetValueOrDefault("service"));
        }

        return offered.Any(header => Is(header, "Basic")) ? new AuthorizationChallenge(false, null, null) : null;
    }

    // name="value", …; a backslash takes the next character as it is.
    internal static Dictionary<string, string> Parse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var at = 0; at < text.Length;)
        {
            var equals = text.IndexOf('=', at);
            if (equals < 0)
            {
                break;
            }

            var name = text[at..equals].Trim(' ', ',');
            var (value, end) = ParseValue(text, equals + 1);
            values[name] = value;
            at = end;
        }

        return values;
    }

    private static (string Value, int End) ParseValue(string text, int at)
    {
        if (at >= text.Length || text[at] != '"')
        {
            var comma = text.IndexOf(',', at);
            return comma < 0 ? (text[at..].Trim(), text.Length) : (text[at..comma].Trim(), comma + 1);
        }

        var value = new System.Text.StringBuilder();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            at += text[at] == '\\' && at + 1 < text.Length ? 1 : 0;
            value.Append(text[at]);
        }

        return (value.ToString(), at + 1);
    }

    private static bool Is(AuthenticationHeaderValue header, string scheme) => header.Scheme.Equals(scheme, StringComparison.OrdinalIgnoreCase);
}
