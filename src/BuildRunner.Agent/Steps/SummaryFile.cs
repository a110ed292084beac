using System.Text;
using BuildRunner.Core.Logs;

namespace BuildRunner.Agent.Steps;

/// <summary>The file to which a step writes what people shall read about it, in Markdown (<c>BUILDRUNNER_SUMMARY</c>).</summary>
internal static class SummaryFile
{
    /// <summary>What is longer is cut.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>Where a step writes it.</summary>
    public const string Target = "/.buildrunner.summary";

    /// <summary>Reads what the step wrote, secrets masked; null if it is nothing.</summary>
    /// <param name="path">Where it is on this host.</param>
    /// <param name="masker">Knows the secrets.</param>
    /// <param name="problems">One sentence for each thing that was not taken as it was written.</param>
    public static string? Read(string path, Masker masker, List<string> problems)
    {
        using var file = File.OpenRead(path);
        if (file.Length > MaxBytes)
        {
            problems.Add($"the summary is cut: the file has {file.Length} bytes, allowed are {MaxBytes}");
        }

        var content = new byte[(int)Math.Min(file.Length, MaxBytes)];
        var count = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        var text = masker.Apply(Encoding.UTF8.GetString(content, 0, count));
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }
}

/// <summary>What a step wrote for people to read.</summary>
/// <param name="Workflow">The workflow's name.</param>
/// <param name="Step">The step's name.</param>
/// <param name="Attempt">The attempt's number.</param>
/// <param name="Text">Markdown, secrets masked, at most 1 MiB.</param>
public sealed record StepSummary(string Workflow, string Step, int Attempt, string Text);
