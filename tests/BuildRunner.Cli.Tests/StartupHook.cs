/// <summary>Loaded by the runtime into a <c>buildrunner</c> process that a test starts with <c>DOTNET_STARTUP_HOOKS</c>: at its end it writes which assemblies it had.</summary>
internal static class StartupHook
{
    /// <summary>Names the file.</summary>
    public const string Variable = "BUILDRUNNER_TEST_LOADED";

    /// <summary>Called by the runtime before the program.</summary>
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { } file)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => File.WriteAllLines(file, AppDomain.CurrentDomain.GetAssemblies().Select(a => a.GetName().Name!));
        }
    }
}
