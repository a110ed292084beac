using System.Diagnostics.CodeAnalysis;

namespace BuildRunner.Core.Planning;

/// <summary>A device of the host as <c>devices</c> of a step asks for it, in Docker's way: <c>source</c>, <c>source:target</c>, <c>source:access</c>, <c>source:target:access</c>.</summary>
/// <param name="Source">Absolute path on the host; a folder stands for the devices in it.</param>
/// <param name="Target">Absolute path in the container.</param>
/// <param name="Access">What may be done with it: of <c>r</c> (read), <c>w</c> (write) and <c>m</c> (make nodes of it), each once.</param>
public sealed record DeviceRequest(string Source, string Target, string Access)
{
    private const string Everything = "rwm", Form = "must be `source`, `source:target` or `source:target:access`, with absolute paths, and access of `rwm`";

    /// <summary>Reads one entry.</summary>
    /// <param name="text">As it is written.</param>
    /// <param name="device">What it asks for.</param>
    /// <param name="problem">What is wrong with it, to follow the text.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out DeviceRequest? device, [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        (string Source, string Target, string Access)? words = text.Split(':') switch
        {
            [var only] => (only, only, Everything),
            [var from, var access] when IsAccess(access) => (from, from, access),
            [var from, var to] => (from, to, Everything),
            [var from, var to, var access] when IsAccess(access) => (from, to, access),
            _ => null,
        };
        problem = words switch
        {
            { Source: var from } when from.Length > 0 && from[0] != '/' && from.Contains('=', StringComparison.Ordinal) =>
                "is a device of a vendor's description (CDI), which BuildRunner does not read; name the device's path",
            { } asked when IsPath(asked.Source) && IsPath(asked.Target) => null,
            _ => Form,
        };
        device = problem is null && words is { } good ? new DeviceRequest(good.Source.TrimEnd('/'), good.Target.TrimEnd('/'), good.Access) : null;
        return device is not null;
    }

    private static bool IsAccess(string text) => text.Length > 0 && text.All(Everything.Contains) && text.Distinct().Count() == text.Length;

    // Not the root, and nothing that ends elsewhere than it seems to.
    private static bool IsPath(string text) =>
        text.TrimEnd('/') is ['/', _, ..] path && !path.Contains('\0', StringComparison.Ordinal) && Path.GetFullPath(path) == path;
}
