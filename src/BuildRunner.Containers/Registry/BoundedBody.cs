namespace BuildRunner.Containers.Registry;

/// <summary>Reads small answers whole, whatever length they claim or have.</summary>
internal static class BoundedBody
{
    /// <summary>The body, or null if it is longer than <paramref name="most"/>.</summary>
    public static async Task<byte[]?> TryReadAsync(HttpResponseMessage response, int most, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > most)
        {
            return null;
        }

        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using var _ = stream.ConfigureAwait(false);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var count and > 0)
        {
            if (body.Length + count > most)
            {
                return null;
            }

            body.Write(buffer, 0, count);
        }

        return body.ToArray();
    }
}
