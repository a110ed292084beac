namespace BuildRunner.Sandbox.Wire;

/// <summary>What is where in every container.</summary>
internal static class ContainerPaths
{
    /// <summary>The directory of the init and of injected files. In the root, so that nothing of an image is on the way to it.</summary>
    public const string Injected = "/.buildrunner";

    /// <summary>Bytes for which there is room in that directory of a container that is made before it is known what it is for; each file counts as <see cref="PerFile"/> more.</summary>
    public const int InjectedLater = 1 << 20;

    /// <summary>What a file takes there at most beside its bytes: there are no smaller pieces.</summary>
    public const int PerFile = 4096;
}
