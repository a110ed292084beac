using System.Reflection;

namespace BuildRunner.Cli;

/// <summary>Which BuildRunner this is.</summary>
internal static class ProductVersion
{
    /// <summary><c>0.1.0</c>.</summary>
    public static string Text { get; } = typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>The commit that it was built from; null if that is not known.</summary>
    public static string? Commit { get; } =
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+') is [_, var commit, ..] ? commit : null;
}
