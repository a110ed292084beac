using System.Globalization;

namespace BuildRunner.Core.Planning;

/// <summary>Gives out each name once; one that is taken gets a number behind it.</summary>
internal sealed class UniqueNames
{
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);

    /// <summary>The name, or the name with the first free number.</summary>
    public string Take(string name)
    {
        var unique = name;
        for (var number = 2; !taken.Add(unique); number++)
            unique = string.Create(CultureInfo.InvariantCulture, $"{name}-{number}");
        return unique;
    }
}
