using System.Diagnostics;
using System.Runtime.CompilerServices;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>Another process that uses a store: this test program, started with words that make it pull or hold an image instead of running tests.</summary>
internal static class PullingChild
{
    private const string Variable = "BUILDRUNNER_TEST_STORE_CHILD";

    /// <summary>Starts one. It prints <c>pulled</c> when it has the image, then holds a lease on it until its input ends.</summary>
    public static Process Start(string root, ImageReference image)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment[Variable] = $"{root}\n{image}";
        return Process.Start(start)!;
    }

#pragma warning disable CA2255 // A program of tests has no entry point of its own to put this into.
    [ModuleInitializer]
    internal static void RunIfChild()
#pragma warning restore CA2255
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } words)
        {
            return;
        }

        Run(words.Split('\n'));
        Environment.Exit(0);
    }

    // Blocking: until a module's initializer has returned, no other thread may run code of that module.
    private static void Run(string[] words)
    {
        ImageReference.TryParse(words[1], null, out var image, out _);
        using var store = new ImageStore(words[0], new ImageStoreOptions { Registry = new RegistryOptions { UseCredentialFiles = false } }, TimeProvider.System);
        var resolved = store.PullAsync(image!, new PullOptions(), null, CancellationToken.None).GetAwaiter().GetResult();
        using var lease = store.LeaseAsync(resolved, CancellationToken.None).GetAwaiter().GetResult();
        Console.WriteLine("pulled");
        Console.In.ReadToEnd();
    }
}
