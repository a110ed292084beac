using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;

namespace BuildRunner.Server.Secrets;

/// <summary>For whom a secret is. The nearest one of a name counts: repository before organisation before installation. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Installation), "installation")]
[JsonDerivedType(typeof(Organisation), "organisation")]
[JsonDerivedType(typeof(Repository), "repository")]
public abstract record SecretLevel
{
    private SecretLevel()
    {
    }

    internal abstract int Nearness { get; }

    internal abstract string Key { get; }

    /// <summary>Every repository of this BuildRunner.</summary>
    public sealed record Installation : SecretLevel
    {
        internal override int Nearness => 0;

        internal override string Key => "";

        /// <inheritdoc/>
        public override string ToString() => "installation";
    }

    /// <summary>Every repository of an owner at the forge.</summary>
    /// <param name="Name">The owner, without regard to case.</param>
    public sealed record Organisation(string Name) : SecretLevel
    {
        internal override int Nearness => 1;

        internal override string Key => Name.ToLowerInvariant();

        /// <inheritdoc/>
        public override string ToString() => $"organisation {Name}";
    }

    /// <summary>One repository.</summary>
    /// <param name="Id">Its id here.</param>
    public sealed record Repository(Guid Id) : SecretLevel
    {
        internal override int Nearness => 2;

        internal override string Key => Id.ToString("N", CultureInfo.InvariantCulture);

        /// <inheritdoc/>
        public override string ToString() => "repository";
    }

    /// <summary>What a sealed value is bound to, so that it opens nowhere else.</summary>
    internal byte[] Place(string name) => Encoding.UTF8.GetBytes($"secret\0{Nearness}\0{Key}\0{name.ToLowerInvariant()}");
}
