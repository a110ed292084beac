using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace BuildRunner.Core.Planning;

/// <summary>A name with its address as <c>extra_hosts</c> of a step has it, in Docker's ways: <c>name:address</c> or <c>name=address</c>, an address of version 6 with or without brackets.</summary>
/// <param name="Name">The host's name.</param>
/// <param name="Address">Its address, as the system writes it.</param>
public sealed record HostEntry(string Name, IPAddress Address)
{
    /// <summary>Reads one entry.</summary>
    /// <param name="text">As it is written.</param>
    /// <param name="entry">What it says.</param>
    /// <param name="problem">What is wrong with it, to follow the text.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out HostEntry? entry, [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        entry = null;
        var at = text.IndexOfAny([':', '=']);
        var (name, written) = at > 0 ? (text[..at], text[(at + 1)..]) : ("", "");
        if (Uri.CheckHostName(name) != UriHostNameType.Dns)
            problem = "must be `name:address`";
        else if (written == "host-gateway")
            problem = "cannot be: a step has no way to the machine that it runs on; name an address that it can reach, or run the program as a service";
        else if (!TryReadAddress(written, out var address))
            problem = $"must be `name:address`, and `{written}` is no IP address";
        else
            (entry, problem) = (new HostEntry(name, address), null);
        return entry is not null;
    }

    /// <summary><c>name:address</c>, the address without brackets.</summary>
    public override string ToString() => $"{Name}:{Address}";

    // Brackets are for addresses of version 6 alone, and neither a port, a number nor half an address is one.
    internal static bool TryReadAddress(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        var bare = text is ['[', .. var inner, ']'] && inner.Contains(':', StringComparison.Ordinal) ? inner : text;
        return IPAddress.TryParse(bare, out address) && (bare.Contains(':', StringComparison.Ordinal) ? bare[0] != '[' : bare.Count(c => c == '.') == 3);
    }
}
