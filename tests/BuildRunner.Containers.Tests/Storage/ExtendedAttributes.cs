using System.Runtime.InteropServices;
using System.Text;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>Reads extended attributes by the system's own calls.</summary>
internal static partial class ExtendedAttributes
{
    /// <summary>All of a file, <c>name=value</c>, sorted; the host's own labels left out.</summary>
    public static IReadOnlyList<string> Of(string path)
    {
        var names = new byte[64 * 1024];
        var count = List(path, names, (nuint)names.Length);
        Assert.True(count >= 0, $"listxattr of {path} fails with {Marshal.GetLastPInvokeError()}");
        return
        [
            .. Encoding.UTF8.GetString(names, 0, (int)count).Split('\0', StringSplitOptions.RemoveEmptyEntries)
                .Select(name => $"{name}={Value(path, name)}").Order(StringComparer.Ordinal),
        ];
    }

    private static string Value(string path, string name)
    {
        var value = new byte[64 * 1024];
        var count = Get(path, name, value, (nuint)value.Length);
        return count < 0 ? "?" : Encoding.Latin1.GetString(value, 0, (int)count);
    }

    [LibraryImport("libc", EntryPoint = "llistxattr", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint List(string path, byte[] names, nuint size);

    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Get(string path, string name, byte[] value, nuint size);
}
