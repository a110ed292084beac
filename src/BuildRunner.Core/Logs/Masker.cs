using System.Buffers;

namespace BuildRunner.Core.Logs;

/// <summary>What has to be hidden in outputs; made once per attempt, used by one <see cref="MaskedStream"/> per stream.</summary>
/// <remarks>An automaton over bytes (Aho and Corasick): each byte is looked at once, whatever the number of secrets.</remarks>
public sealed class Masker
{
    /// <summary>What stands in place of a secret.</summary>
    public const string Mask = "********";

    private readonly List<Dictionary<byte, int>> next = [[]];
    private readonly List<int> fail = [0];
    private readonly List<int> depth = [0];
    private readonly List<int> match = [0];
    private readonly SearchValues<byte> first;

    /// <summary>Makes the automaton.</summary>
    /// <param name="secrets">The values. Those of less than four characters are not hidden.</param>
    public Masker(IEnumerable<string> secrets)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        foreach (var form in secrets.SelectMany(SecretForms.Of))
        {
            Add(form);
        }

        Link();
        first = SearchValues.Create([.. next[0].Keys]);
    }

    /// <summary>A masker that hides nothing.</summary>
    public static Masker None { get; } = new([]);

    /// <summary>True if there is nothing to hide.</summary>
    public bool IsEmpty => next.Count == 1;

    /// <summary>A filter for one stream.</summary>
    public MaskedStream NewStream() => new(this);

    /// <summary>Masks a whole text.</summary>
    public string Apply(string text)
    {
        if (IsEmpty)
        {
            return text;
        }

        var output = new ArrayBufferWriter<byte>();
        var stream = NewStream();
        stream.Add(System.Text.Encoding.UTF8.GetBytes(text), output);
        stream.Flush(output);
        return System.Text.Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>True if the text holds something that has to be hidden.</summary>
    public bool Hides(string text) => !IsEmpty && Apply(text) != text;

    /// <summary>Where the first byte is that can begin a secret; -1: nowhere.</summary>
    internal int IndexOfStart(ReadOnlySpan<byte> bytes) => bytes.IndexOfAny(first);

    /// <summary>The state after one more byte.</summary>
    internal int Step(int state, byte value)
    {
        int to;
        while (!next[state].TryGetValue(value, out to))
        {
            if (state == 0)
            {
                return 0;
            }

            state = fail[state];
        }

        return to;
    }

    /// <summary>How many bytes of the input so far may belong to a secret that is not complete.</summary>
    internal int Depth(int state) => depth[state];

    /// <summary>How long the longest secret is that ends here; 0: none does.</summary>
    internal int Match(int state) => match[state];

    private void Add(byte[] form)
    {
        var state = 0;
        foreach (var value in form)
        {
            if (!next[state].TryGetValue(value, out var to))
            {
                to = next.Count;
                next.Add([]);
                fail.Add(0);
                depth.Add(depth[state] + 1);
                match.Add(0);
                next[state].Add(value, to);
            }

            state = to;
        }

        match[state] = form.Length;
    }

    private void Link()
    {
        var queue = new Queue<int>(next[0].Values);
        while (queue.TryDequeue(out var state))
        {
            foreach (var (value, to) in next[state])
            {
                fail[to] = Step(fail[state], value);
                match[to] = Math.Max(match[to], match[fail[to]]);
                queue.Enqueue(to);
            }
        }
    }
}
