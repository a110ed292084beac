using System.Text;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Storage;

/// <summary>Turns what the kernel said into an error for the person who must act.</summary>
internal static class StorageErrors
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int TryAgain = 11;
    public const int AccessDenied = 13;
    public const int Exists = 17;
    public const int CrossDevice = 18;
    public const int NotDirectory = 20;
    public const int IsDirectory = 21;
    public const int NoSpace = 28;
    public const int ReadOnlyFileSystem = 30;
    public const int TooManyLinks = 31;
    public const int OutOfRange = 34;
    public const int NameTooLong = 36;
    public const int NoSystemCall = 38;
    public const int NotEmpty = 39;
    public const int TooManySymlinks = 40;
    public const int NotSupported = 95;
    public const int QuotaExceeded = 122;
    private const int FileTooLarge = 27;

    /// <summary>The error of a call that failed for a reason which lies in this host.</summary>
    /// <param name="errno">What the kernel returned.</param>
    /// <param name="what">What was attempted: "write the layer sha256:…".</param>
    /// <param name="where">The path on this host.</param>
    public static ContainerException Host(int errno, string what, string where) => errno switch
    {
        NoSpace or QuotaExceeded => new ContainerException(
            ContainerFailure.ResourceExhausted,
            $"No space is left to {what} in {where}. Free some space (buildrunner image prune removes unused images) or move the image store to a larger disk."),
        ReadOnlyFileSystem or AccessDenied or NotPermitted => new ContainerException(
            ContainerFailure.EngineUnavailable,
            $"BuildRunner may not {what} in {where}: {Describe(errno)}. The image store must be a folder that its user can write to."),
        NoSystemCall => new ContainerException(
            ContainerFailure.EngineUnavailable, $"BuildRunner cannot {what}: the kernel lacks openat2. Linux 5.6 or newer is needed."),
        _ => new ContainerException(ContainerFailure.Internal, $"BuildRunner could not {what} in {where}: {Describe(errno)}."),
    };

    /// <summary>The error for an <see cref="IOException"/> of the class library, which hides the number in <c>HResult</c>.</summary>
    public static ContainerException Host(IOException exception, string what, string where) =>
        Host(exception.HResult is > 0 and < 4096 ? exception.HResult : 5, what, where);

    /// <summary>True if the failure is this host's, not the archive's.</summary>
    public static bool IsHosts(int errno) => errno is not (NameTooLong or TooManyLinks or NotDirectory or IsDirectory or NoEntry or Exists
        or TooManySymlinks or OutOfRange or CrossDevice or FileTooLarge or NotEmpty);

    /// <summary>The system's text for an error number.</summary>
    public static string Describe(int errno) => $"{System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";

    /// <summary>A name out of an archive, as it can be shown: without control characters, at most 200 long.</summary>
    public static string Show(ReadOnlySpan<byte> name)
    {
        var text = new StringBuilder();
        foreach (var rune in Encoding.UTF8.GetString(name[..Math.Min(name.Length, 200)]).EnumerateRunes())
        {
            _ = Rune.IsControl(rune) ? text.Append($"\\x{rune.Value:x2}") : text.Append(rune);
        }

        return name.Length > 200 ? text.Append('…').ToString() : text.ToString();
    }
}
