using System.Buffers;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.Logs;
using CsCheck;

namespace BuildRunner.Core.Tests.Logs;

public sealed class Masking
{
    private const string Secret = "p4ss w0rd/with+odd'\"chars&more";

    public static TheoryData<string, string> Forms => new()
    {
        { "as it is", Secret },
        { "URL", Uri.EscapeDataString(Secret) },
        { "URL, lower case", Uri.EscapeDataString(Secret).Replace("%2F", "%2f").Replace("%2B", "%2b") },
        { "form", Uri.EscapeDataString(Secret).Replace("%20", "+") },
        { "JSON", JsonSerializer.Serialize(Secret)[1..^1] },
        { "JSON, relaxed", Secret.Replace("\"", "\\\"") },
        { "shell", Secret.Replace("'", "'\\''") },
        { "base64", Convert.ToBase64String(Encoding.UTF8.GetBytes(Secret)) },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_secret_is_hidden_in_each_form(string form, string text)
    {
        var masked = new Masker([Secret]).Apply($"before {text} after");
        Assert.True(masked.StartsWith("before ****", StringComparison.Ordinal) && masked.EndsWith(" after", StringComparison.Ordinal), $"{form}: {masked}");
        Assert.DoesNotContain("w0rd", masked);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_secret_is_hidden_inside_of_a_longer_base64_text(int offset)
    {
        var around = new string('x', offset) + Secret + "trailing";
        var masked = new Masker([Secret]).Apply(Convert.ToBase64String(Encoding.UTF8.GetBytes(around)));
        Assert.Contains(Masker.Mask, masked);
        var clear = Encoding.UTF8.GetString(Convert.FromBase64String(Padded(masked.Replace(Masker.Mask, ""))));
        Assert.DoesNotContain("w0rd", clear);
    }

    [Fact]
    public void Every_line_of_a_secret_of_several_lines_is_hidden()
    {
        var masked = new Masker(["-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n"]).Apply("a\nMIIEvQIBADAN\nb\n  BgkqhkiG9w0B\nc");
        Assert.Equal("a\n********\nb\n  ********\nc", masked);
    }

    [Fact]
    public void A_long_secret_is_hidden_whole_and_its_masker_takes_room_in_proportion_to_it()
    {
        var bytes = new byte[150_000];
        new Random(7).NextBytes(bytes);
        var secret = string.Join('\n', Convert.ToBase64String(bytes).Chunk(64).Select(line => new string(line)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var masker = new Masker([secret]);
        TestContext.Current.TestOutputHelper?.WriteLine($"{clock.ElapsedMilliseconds} ms");
        var taken = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(taken < 2000L * secret.Length, $"the masker of {secret.Length} characters took {taken} bytes, {clock.ElapsedMilliseconds} ms");
        foreach (var text in new[] { secret, Uri.EscapeDataString(secret), Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)) })
        {
            Assert.Matches("^before \\*{8}=* after$", masker.Apply($"before {text} after"));
        }
    }

    [Theory]
    [InlineData("1")]
    [InlineData("abc")]
    [InlineData("  \n ")]
    [InlineData("")]
    public void Values_that_are_too_short_hide_nothing(string value) => Assert.Equal("1 abc abcd", new Masker([value]).Apply("1 abc abcd"));

    [Fact]
    public void The_longest_of_overlapping_secrets_is_hidden() => Assert.Equal("<********>", new Masker(["abcd", "abcdef", "cdefgh"]).Apply("<abcdefgh>"));

    [Fact]
    public void What_only_begins_like_a_secret_comes_out() => Assert.Equal("secre secretary s", new Masker(["secret!"]).Apply("secre secretary s"));

    [Fact]
    public void It_does_not_matter_where_the_stream_is_cut() => Gen.Select(Gen.String[Gen.Char["abc\n"], 4, 8].Array[1, 3], Gen.String[Gen.Char["abc\nx"], 0, 60], Gen.Int[1, 7]).Sample((secrets, text, size) =>
    {
        var masker = new Masker(secrets);
        var bytes = Encoding.UTF8.GetBytes(text);
        var output = new ArrayBufferWriter<byte>();
        var stream = masker.NewStream();
        for (var at = 0; at < bytes.Length; at += size)
        {
            stream.Add(bytes.AsSpan(at, Math.Min(size, bytes.Length - at)), output);
        }

        stream.Flush(output);
        var masked = Encoding.UTF8.GetString(output.WrittenSpan);
        Assert.Equal(masker.Apply(text), masked);
        Assert.All(secrets.Where(s => s.Trim().Length >= 4), s => Assert.DoesNotContain(s, masked));
    });

    [Fact]
    public void Nothing_is_held_back_but_what_may_belong_to_a_secret()
    {
        var stream = new Masker(["secret!"]).NewStream();
        var output = new ArrayBufferWriter<byte>();
        stream.Add("a line\n"u8, output);
        Assert.Equal("a line\n", Encoding.UTF8.GetString(output.WrittenSpan));
        stream.Add("a sec"u8, output);
        Assert.Equal("a line\na ", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    private static string Padded(string base64) => base64[..(base64.Length / 4 * 4)];
}
