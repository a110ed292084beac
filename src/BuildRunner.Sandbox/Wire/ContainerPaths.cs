namespace BuildRunner.Sandbox.Wire;

/// <summary>What is where in every container.</summary>
internal static class ContainerPaths
{
    /// <summary>The directory of the init and of injected files. In the root, so that nothing of an image is on the way to it.</summary>
    public const string Injected = "/.buildrunner";

    /// <summary>Bytes for which there is room in that directory of a container that is made before it is known what it is for; each file takes up to 4,096 more.</summary>
    public const int InjectedLater = 1 << 20;
}
