namespace BuildRunner.Core.Expressions;

/// <summary>What a pattern wants at one place of a text.</summary>
internal abstract record PatternToken
{
    /// <summary>Whether it fits to a character.</summary>
    /// <param name="character">A Unicode code point, or a UTF-16 unit, as whoever matches takes a text apart.</param>
    public abstract bool Matches(int character);

    /// <summary>Exactly this one.</summary>
    public sealed record One(int Character) : PatternToken
    {
        public override bool Matches(int character) => character == Character;
    }

    /// <summary>Any one: <c>?</c></summary>
    public sealed record Any : PatternToken
    {
        public override bool Matches(int character) => true;
    }

    /// <summary>Any number of any: <c>*</c></summary>
    public sealed record Many : PatternToken
    {
        public override bool Matches(int character) => true;
    }

    /// <summary>One of a class: <c>[a-z]</c></summary>
    public sealed record Class(CharacterClass Characters) : PatternToken
    {
        public override bool Matches(int character) => Characters.Contains(character);
    }
}
