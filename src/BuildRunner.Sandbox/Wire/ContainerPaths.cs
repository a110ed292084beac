namespace BuildRunner.Sandbox.Wire;

/// <summary>What is where in every container.</summary>
internal static class ContainerPaths
{
    /// <summary>The directory of the init and of injected files. In the root, so that nothing of an image is on the way to it.</summary>
    public const string Injected = "/.buildrunner";
}
