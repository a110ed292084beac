using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Something could not be done; it becomes a <see cref="Failure"/> for the engine.</summary>
internal sealed class KernelException(FailureKind kind, int errorNumber, string message) : Exception(message)
{
    public FailureKind Kind { get; } = kind;

    public int ErrorNumber { get; } = errorNumber;

    public Failure ToFailure() => new(Kind, ErrorNumber, Message);

    /// <summary>A kernel call failed.</summary>
    /// <param name="action">What was being done, as a verb: <c>mount the layers</c>.</param>
    /// <param name="errorNumber">The kernel's answer.</param>
    public static KernelException FromErrorNumber(string action, int errorNumber) =>
        new(FailureKind.Kernel, errorNumber, $"cannot {action}: {Marshal.GetPInvokeErrorMessage(errorNumber)} (error {errorNumber})");

    /// <summary>Returns the result of a call, or throws with the last error if it is negative.</summary>
    public static int Check(int result, string action)
    {
        var error = Marshal.GetLastPInvokeError();
        return result >= 0 ? result : throw FromErrorNumber(action, error);
    }

    /// <inheritdoc cref="Check(int, string)"/>
    public static int Check(nint result, string action) => Check((int)result, action);

    /// <inheritdoc cref="Check(int, string)"/>
    public static int Check(int result, string action, string subject)
    {
        var error = Marshal.GetLastPInvokeError();
        return result >= 0 ? result : throw FromErrorNumber($"{action} {subject}", error);
    }
}
