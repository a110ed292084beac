namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>A node of a YAML document with aliases and merge keys resolved. Immutable; a node that is referred to twice is one object. A closed hierarchy.</summary>
internal abstract class YamlNode
{
    private YamlNode(SourceLocation location, int size, int height)
    {
        Location = location;
        Size = size;
        Height = height;
    }

    /// <summary>Where the node begins.</summary>
    public SourceLocation Location { get; }

    /// <summary>Nodes in this tree when every alias is written out.</summary>
    public int Size { get; }

    /// <summary>Longest way down; 1 for a scalar.</summary>
    public int Height { get; }

    /// <summary>What it is, for messages: <c>text</c>, <c>a list</c>, <c>a mapping</c>.</summary>
    public abstract string Description { get; }

    /// <summary>True: nothing was written (<c>key:</c>, <c>~</c>, <c>null</c>).</summary>
    public virtual bool IsNull => false;

    /// <summary>A single value.</summary>
    public sealed class Scalar(SourceLocation location, string text, bool plain) : YamlNode(location, 1, 1)
    {
        /// <summary>The text without quotes; not yet substituted unless <see cref="With"/> made it.</summary>
        public string Text { get; } = text;

        /// <summary>True: written without quotes, so that it may be a number, a boolean or nothing.</summary>
        public bool Plain { get; } = plain;

        /// <summary>True: holds a substitution whose value is not known yet, so that its value cannot be judged.</summary>
        public bool Open { get; private init; }

        /// <inheritdoc/>
        public override string Description => "text";

        /// <inheritdoc/>
        public override bool IsNull => Plain && YamlScalars.IsNull(Text);

        /// <summary>The same scalar with another text.</summary>
        public Scalar With(string text) => text == Text ? this : new Scalar(Location, text, Plain);

        /// <summary>The same scalar, marked as not known yet.</summary>
        public Scalar AsOpen() => new(Location, Text, Plain) { Open = true };
    }

    /// <summary>A list.</summary>
    public sealed class Sequence(SourceLocation location, IReadOnlyList<YamlNode> items)
        : YamlNode(location, 1 + items.Sum(item => item.Size), 1 + items.Select(item => item.Height).DefaultIfEmpty().Max())
    {
        /// <summary>The items, in order.</summary>
        public IReadOnlyList<YamlNode> Items { get; } = items;

        /// <inheritdoc/>
        public override string Description => "a list";
    }

    /// <summary>A mapping. A key occurs once; the order is that of the file.</summary>
    public sealed class Mapping(SourceLocation location, IReadOnlyList<YamlEntry> entries)
        : YamlNode(location, 1 + entries.Sum(entry => entry.Value.Size + 1), 1 + entries.Select(entry => entry.Value.Height).DefaultIfEmpty().Max())
    {
        /// <summary>Keys and values.</summary>
        public IReadOnlyList<YamlEntry> Entries { get; } = entries;

        /// <inheritdoc/>
        public override string Description => "a mapping";

        /// <summary>The value of a key; null if the key is absent or has no value.</summary>
        public YamlNode? Get(string key)
        {
            foreach (var entry in Entries)
            {
                if (entry.Key == key)
                    return entry.Value.IsNull ? null : entry.Value;
            }
            return null;
        }

        /// <summary>The entry of a key, whatever its value; null if the key is absent.</summary>
        public YamlEntry? Find(string key)
        {
            foreach (var entry in Entries)
            {
                if (entry.Key == key)
                    return entry;
            }
            return null;
        }
    }
}

/// <summary>A key and its value.</summary>
/// <param name="Key">The key's text.</param>
/// <param name="KeyLocation">Where the key is.</param>
/// <param name="Value">Its value.</param>
internal sealed record YamlEntry(string Key, SourceLocation KeyLocation, YamlNode Value);
