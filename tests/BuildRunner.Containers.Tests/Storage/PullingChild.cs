using System.Diagnostics;
using System.Runtime.CompilerServices;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Tests.Storage;

/// <summary>Another process that uses a store: this test program, started with words that make it pull or hold an image instead of running tests.</summary>
internal static class PullingChild
{
    /// <summary>The variable that names a folder with authorities.</summary>
    public const string Certificates = "BUILDRUNNER_TEST_STORE_CERTIFICATES";

    private const string Variable = "BUILDRUNNER_TEST_STORE_CHILD";

    /// <summary>Starts one. It prints <c>pulled</c> when it has the image, or what is wrong, then holds a lease on it until its input ends.</summary>
    public static Process Start(string root, ImageReference image) => Process.Start(Describe(root, image, []))!;

    /// <summary>How to start one: for a test that has it run elsewhere, or with another environment.</summary>
    /// <param name="root">The store.</param>
    /// <param name="image">What to pull.</param>
    /// <param name="insecure">Hosts that may be spoken to without TLS.</param>
    /// <param name="within">The program that runs it, with its arguments; none: it is started itself.</param>
    public static ProcessStartInfo Describe(string root, ImageReference image, IReadOnlyList<string> insecure, params string[] within)
    {
        string[] words = [.. within, Environment.ProcessPath!];
        var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (var word in words[1..])
        {
            start.ArgumentList.Add(word);
        }

        start.Environment[Variable] = string.Join('\n', (string[])[root, image.ToString(), .. insecure]);
        return start;
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
        var registry = new RegistryOptions { UseCredentialFiles = false, Insecure = words[2..], Attempts = 1 };
        if (Environment.GetEnvironmentVariable(Certificates) is { } folder)
        {
            registry = registry with { CertificateFolders = [folder] };
        }

        using var store = new ImageStore(words[0], new ImageStoreOptions { Registry = registry }, TimeProvider.System);
        ResolvedImage resolved;
        try
        {
            resolved = store.PullAsync(image!, new PullOptions(), null, CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (ContainerException refused)
        {
            Console.WriteLine(refused.Message);
            return;
        }

        using var lease = store.LeaseAsync(resolved, CancellationToken.None).GetAwaiter().GetResult();
        Console.WriteLine("pulled");
        Console.In.ReadToEnd();
    }
}
