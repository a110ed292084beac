using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Turns what the helper reports into the engine's exceptions.</summary>
internal static class Failures
{
    private const int NoPermission = 1, OutOfMemory = 12, AccessDenied = 13, TooManyFiles = 24, NoSpace = 28, NoSystemCall = 38, QuotaExceeded = 122;

    /// <summary>A container whose lease nobody renewed.</summary>
    public static ContainerException NotRenewed(string container) =>
        new(ContainerFailure.Lost, $"The container {container} was ended, because nobody had said in time that it may go on.", isTransient: true);

    public static ContainerException ToException(Failure failure)
    {
        var reason = failure.Kind switch
        {
            FailureKind.InvalidSpec => ContainerFailure.InvalidSpec,
            FailureKind.RuntimeMissing => ContainerFailure.EngineUnavailable,
            FailureKind.Exhausted => ContainerFailure.ResourceExhausted,
            FailureKind.Runtime when failure.Message.Contains("no space left", StringComparison.Ordinal) => ContainerFailure.ResourceExhausted,
            FailureKind.Runtime => ContainerFailure.Internal,
            _ => failure.ErrorNumber switch
            {
                NoSpace or QuotaExceeded or OutOfMemory or TooManyFiles => ContainerFailure.ResourceExhausted,
                NoPermission or AccessDenied or NoSystemCall => ContainerFailure.EngineUnavailable,
                _ => ContainerFailure.Internal,
            },
        };
        var hint = reason == ContainerFailure.EngineUnavailable && failure.Kind == FailureKind.Kernel
            ? " The engine needs a kernel that allows this to root, or to an ordinary user in a namespace of their own; see buildrunner doctor."
            : "";
        return new ContainerException(reason, Sentence(failure.Message) + hint, isTransient: reason == ContainerFailure.ResourceExhausted);
    }

    /// <summary>The command could not be executed.</summary>
    public static ContainerException ToException(CommandFailure failure, string image)
    {
        var (reason, message) = failure.Stage switch
        {
            CommandStage.Find when failure.Subject is "sh" or "/bin/sh" => (ContainerFailure.CommandNotFound,
                $"The image {image} has no shell ({failure.Subject}), which commands need. Name a program of the image with entrypoint, or use an image with a shell."),
            CommandStage.Find => (ContainerFailure.CommandNotFound, $"The command {failure.Subject} does not exist in the image {image}."),
            CommandStage.Interpreter => (ContainerFailure.CommandNotExecutable,
                $"{failure.Subject} exists in the image {image}, but the interpreter or dynamic linker that it names does not."),
            CommandStage.Execute when failure.ErrorNumber == 8 => (ContainerFailure.CommandNotExecutable,
                $"{failure.Subject} in the image {image} is not a program of this processor, or a script without a '#!' line."),
            CommandStage.Execute => (ContainerFailure.CommandNotExecutable,
                $"{failure.Subject} in the image {image} cannot be executed: {Words(failure.ErrorNumber)}. Is its executable bit set?"),
            CommandStage.WorkingDirectory => (ContainerFailure.InvalidSpec,
                $"The working directory {failure.Subject} cannot be entered in the image {image}: {Words(failure.ErrorNumber)}."),
            CommandStage.Fork => (ContainerFailure.ResourceExhausted, $"No process could be started in the container: {Words(failure.ErrorNumber)}. Is its process limit too low?"),
            CommandStage.Filter => (ContainerFailure.EngineUnavailable, $"The kernel refused the filter of system calls: {Words(failure.ErrorNumber)}. Was it built with seccomp filters?"),
            CommandStage.Landlock => (ContainerFailure.EngineUnavailable,
                $"The kernel refused to keep the container's signals and sockets within it (Landlock): {Words(failure.ErrorNumber)}. Is BuildRunner itself in sixteen such sandboxes?"),
            _ => (ContainerFailure.Internal, $"The command could not be started in the container ({failure.Stage}): {Words(failure.ErrorNumber)}."),
        };
        return new ContainerException(reason, message);
    }

    private static string Words(int errorNumber) => System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errorNumber);

    private static string Sentence(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..] + (text.EndsWith('.') ? "" : ".");
}
