namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>How much a file may hold. Beyond it a file is refused before it costs time or memory.</summary>
internal static class YamlLimits
{
    /// <summary>Bytes of a file.</summary>
    public const int Bytes = 256 * 1024;

    /// <summary>Levels of lists and mappings, aliases written out.</summary>
    public const int Depth = 32;

    /// <summary>Nodes, aliases written out.</summary>
    public const int Nodes = 10_000;
}
