using System.Buffers;

namespace BuildRunner.Core.Logs;

/// <summary>What has to be hidden in outputs; made once per attempt, used by one <see cref="MaskedStream"/> per stream.</summary>
/// <remarks>An automaton over bytes (Aho and Corasick): each byte is looked at once, whatever the number of secrets. Its states lie in arrays, because a long secret in all its
/// forms has millions of them.</remarks>
public sealed class Masker
{
    /// <summary>What stands in place of a secret.</summary>
    public const string Mask = "********";

    private readonly int[] begin = new int[256];
    private readonly SearchValues<byte> first;
    private State[] states = new State[64];
    private int count = 1;

    /// <summary>Makes the automaton.</summary>
    /// <param name="secrets">The values. Those of less than four characters are not hidden.</param>
    public Masker(IEnumerable<string> secrets)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        foreach (var form in secrets.SelectMany(SecretForms.Of))
        {
            Add(form);
        }

        Array.Resize(ref states, count);
        Link();
        first = SearchValues.Create([.. Enumerable.Range(0, begin.Length).Where(b => begin[b] != 0).Select(b => (byte)b)]);
    }

    /// <summary>A masker that hides nothing.</summary>
    public static Masker None { get; } = new([]);

    /// <summary>True if there is nothing to hide.</summary>
    public bool IsEmpty => count == 1;

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
        while (state != 0)
        {
            if (Next(state, value) is not 0 and var to)
            {
                return to;
            }

            state = states[state].Fail;
        }

        return begin[value];
    }

    /// <summary>How many bytes of the input so far may belong to a secret that is not complete.</summary>
    internal int Depth(int state) => states[state].Depth;

    /// <summary>How long the longest secret is that ends here; 0: none does.</summary>
    internal int Match(int state) => states[state].Match;

    private int Next(int state, byte value)
    {
        var to = states[state].Child;
        while (to != 0 && states[to].Value != value)
        {
            to = states[to].Sibling;
        }

        return to;
    }

    private void Add(byte[] form)
    {
        var state = 0;
        foreach (var value in form)
        {
            var to = state == 0 ? begin[value] : Next(state, value);
            state = to != 0 ? to : Append(state, value);
        }

        states[state].Match = form.Length;
    }

    private int Append(int state, byte value)
    {
        if (count == states.Length)
        {
            Array.Resize(ref states, count * 2);
        }

        var to = count++;
        states[to] = new State { Value = value, Depth = states[state].Depth + 1 };
        if (state == 0)
        {
            begin[value] = to;
        }
        else
        {
            states[to].Sibling = states[state].Child;
            states[state].Child = to;
        }

        return to;
    }

    // From the shortest on: where a state falls back to is known before it is needed.
    private void Link()
    {
        var queue = new int[count];
        var (taken, put) = (0, 0);
        foreach (var to in begin.Where(to => to != 0))
        {
            queue[put++] = to;
        }

        while (taken < put)
        {
            var state = queue[taken++];
            for (var to = states[state].Child; to != 0; to = states[to].Sibling)
            {
                var fail = Step(states[state].Fail, states[to].Value);
                states[to].Fail = fail;
                states[to].Match = Math.Max(states[to].Match, states[fail].Match);
                queue[put++] = to;
            }
        }
    }

    /// <summary>What has been read, up to a point in one of the forms.</summary>
    private struct State
    {
        /// <summary>The first of the states that one more byte leads to; 0: none.</summary>
        public int Child;

        /// <summary>The next state that its predecessor leads to.</summary>
        public int Sibling;

        /// <summary>The longest end of it with which another form begins.</summary>
        public int Fail;

        /// <summary>How many bytes it is.</summary>
        public int Depth;

        /// <summary>How long the longest form is that ends here.</summary>
        public int Match;

        /// <summary>The byte that led here.</summary>
        public byte Value;
    }
}
