namespace BuildRunner.Cli.Init;

/// <summary>A step of a first pipeline file.</summary>
/// <param name="Language">What was found: <c>.NET</c>.</param>
/// <param name="Name">The step's name if it is not the only one.</param>
/// <param name="Image">Its image.</param>
/// <param name="Commands">Its commands.</param>
internal sealed record FirstStep(string Language, string Name, string Image, IReadOnlyList<string> Commands)
{
    /// <summary>Where it works, relative to the repository; null: at its top.</summary>
    public string? Directory { get; init; }
}
