namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Where BuildRunner's native helper is.</summary>
internal static class SandboxPath
{
    private const string Name = "buildrunner-sandbox";
    private const string Variable = "BUILDRUNNER_SANDBOX";

    /// <summary>The setting, else the environment's, else beside the executable.</summary>
    /// <exception cref="ContainerException">It is nowhere.</exception>
    public static string Find(string? setting)
    {
        var path = setting ?? Environment.GetEnvironmentVariable(Variable) ?? Path.Combine(AppContext.BaseDirectory, Name);
        return File.Exists(path)
            ? Path.GetFullPath(path)
            : throw new ContainerException(
                ContainerFailure.EngineUnavailable, $"BuildRunner's helper {path} is missing. It is built with: dotnet publish src/BuildRunner.Sandbox -c Release; name it in {Variable}.");
    }
}
