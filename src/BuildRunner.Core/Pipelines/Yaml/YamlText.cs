using System.Text;

namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>Bytes to text, refusing what is no UTF-8.</summary>
internal static class YamlText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text; null if it cannot be one, with the reason in the bag.</summary>
    public static string? Decode(string file, ReadOnlySpan<byte> content, DiagnosticBag diagnostics)
    {
        var start = new SourceLocation(file, 1, 1);
        if (content.Length > YamlLimits.Bytes)
        {
            diagnostics.Error(DiagnosticCodes.FileTooLarge, start, $"the file has {content.Length:N0} bytes; {YamlLimits.Bytes:N0} are allowed", "Split it into several workflows");
            return null;
        }
        if (content.StartsWith(new byte[] { 0xFF, 0xFE }) || content.StartsWith(new byte[] { 0xFE, 0xFF }))
        {
            diagnostics.Error(DiagnosticCodes.NotText, start, "the file is UTF-16", "Save it as UTF-8");
            return null;
        }
        if (content.StartsWith("\uFEFF"u8))
            content = content[3..];
        var nul = content.IndexOf((byte)0);
        if (nul >= 0)
        {
            diagnostics.Error(DiagnosticCodes.NotText, At(file, content, nul), "the file holds a NUL character", "Is it a text file? Save it as UTF-8");
            return null;
        }
        try
        {
            return Strict.GetString(content);
        }
        catch (DecoderFallbackException bad)
        {
            // Reported below at the place of the first bad byte.
            diagnostics.Error(DiagnosticCodes.NotText, At(file, content, Math.Max(0, bad.Index)), "the file is not UTF-8", "Save it as UTF-8");
            return null;
        }
    }

    private static SourceLocation At(string file, ReadOnlySpan<byte> content, int index)
    {
        var before = content[..Math.Min(index, content.Length)];
        return new SourceLocation(file, before.Count((byte)'\n') + 1, before.Length - before.LastIndexOf((byte)'\n'));
    }
}
